"""What a walk under a plan would take, found without walking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from misen.core.condition import Condition
from misen.core.generator import Generator, Level, Movable, Sampler, State
from misen.core.seeding import Streams
from misen.nn.rehearsal import Call, Rehearsal, stage
from misen.synthesis.plan import Decision, Demand, Plan, demands, stages
from misen.synthesis.schedule import truncate


@dataclass(frozen=True)
class Cost:
    """Of one walk.

    Attributes:
        calls: how often each operation is done on tensors of which shapes.
        peak: bytes of memory beside those of the networks.
        flops: floating-point operations.
    """

    calls: Counter[Call]
    peak: int
    flops: int


@dataclass(frozen=True)
class Pace:
    """How a walk is walked.

    Attributes:
        strength: the part of it that is, in [0, 1], where a picture is changed.
        interval: the whole network is asked in one of how many predictions.
        jointly: whether the network is asked under several sets of conditions in one pass.
    """

    strength: float = 1.0
    interval: int = 1
    jointly: bool = False


@dataclass(frozen=True)
class Pass:
    """One pass through the network, as far as its cost goes.

    Attributes:
        sets: of conditions, under which it is asked at once.
        adapters: ports of the adapters that act.
        kept: whether features of an earlier pass serve again.
    """

    sets: int
    adapters: tuple[str, ...] = ()
    kept: bool = False


WALK = Pace()
"""The whole walk, every prediction by the whole network, one set of conditions after the other."""


@torch.no_grad()
def rehearse(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    *,
    pace: Pace = WALK,
    batch: int = 1,
    device: str = "cpu",
    where: FakeTensorMode | None = None,
) -> Cost:
    """The cost of a walk: its predictions, the gradients of its decoder, and the finished pictures.

    Not counted are what encoders and energies compute by themselves, and gradients through the network.

    Args:
        generator: may have been built on a stage.
        sampler: the same that the plan was made for.
        plan: tells how often the generator is asked, and which adapters act.
        pace: how the walk is walked; the generator is one that does so.
        batch: pictures at once.
        device: where the generator's parameters are.
        where: the stage that the generator was built on; a new one for a generator with content.
    """
    levels = sampler.levels(guided=plan.guided)
    steps = list(demands(plan, sampler, truncate(levels, pace.strength)))
    passes = count(steps, pace, stages(sampler)) + Counter({Pass(1): sum(plan.besides.values())})
    pulls = sum(step.predictions * step.gradients for step in steps)
    theatre = _Theatre(generator, plan, levels, batch, device, where or stage())
    asked = [(theatre.ask(one), times) for one, times in passes.items()]
    pulled = [(theatre.pull(), pulls)] if pulls else []
    return _total(*asked, *pulled, (theatre.finish(), 1))


def count(steps: Sequence[Demand], pace: Pace, stages: int = 1) -> Counter[Pass]:
    """How often each kind of pass is made in some steps, by a sampler that asks ``stages`` times in each."""
    passes, ages = Counter[Pass](), dict[int, int]()
    for step in steps:
        groups = {step.sets: step.sets} if pace.jointly else dict.fromkeys(range(step.sets), 1)
        ages = {group: ages.get(group, -1) + 1 for group in groups}
        for group, sets in groups.items():
            for kept in _kept(step, ages[group], pace.interval, stages):
                passes[Pass(sets, step.adapters, kept)] += 1
    return passes


def _kept(step: Demand, age: int, interval: int, stages: int) -> Iterator[bool]:
    """For each prediction of a step, whether features serve that were made earlier: as long as the noise falls."""
    for turn in range(step.predictions):
        yield (age if step.predictions == 1 else turn % stages) % interval > 0


@dataclass(frozen=True)
class _Theatre:
    """Where each kind of pass is rehearsed once."""

    generator: Generator
    plan: Plan
    levels: Sequence[Level]
    batch: int
    device: str
    where: FakeTensorMode

    def ask(self, one: Pass) -> Rehearsal:
        """A pass; where it keeps features, they were made before."""
        state = self._state(self.batch * one.sets)
        given = {decision.port: self._condition(decision, one) for decision in self._acting(one)}
        if one.kept:
            self.generator.predict(state, self.levels[0], given)
        with Rehearsal() as asked:
            self.generator.predict(state, self.levels[:2][-int(one.kept)], given)
        return asked

    def pull(self) -> Rehearsal:
        """The gradient of the decoded picture."""
        estimate = self.generator.predict(self._state(self.batch), self.levels[0], {})
        point = estimate.point.detach().requires_grad_()
        with Rehearsal() as pulled, torch.enable_grad():
            estimate.view(point).image.sum().backward()
        return pulled

    def finish(self) -> Rehearsal:
        """The finished pictures."""
        state = self._state(self.batch)
        with Rehearsal() as finished:
            self.generator.finish(state)
        return finished

    def _state(self, items: int) -> State:
        """A state without content, where there may be one; whatever meets it has none either."""
        state = self.generator.start(items, Streams(range(items), device=self.device))
        return state.at(self.where.from_tensor(state.value)) if isinstance(state, Movable) else state

    def _acting(self, one: Pass) -> Iterator[Decision]:
        return (decision for decision in self.plan.decisions if decision.port in one.adapters)

    def _condition(self, decision: Decision, one: Pass) -> Condition:
        """What an adapter is shown, once for each item."""
        assert decision.encoder is not None, "an adapted decision carries its encoder"
        layout = self.generator.ports[decision.port].layout
        shown = decision.encoder.encode(decision.guidance.signal[:1], layout).to(self.device)
        return replace(shown.repeat(self.batch * one.sets), strength=decision.guidance.strength)


def _total(*parts: tuple[Rehearsal, int]) -> Cost:
    """Some parts, each as often as it is done."""
    calls = Counter[Call]()
    for part, times in parts:
        for call, often in part.calls.items():
            calls[call] += times * often
    return Cost(calls, max(part.peak for part, _ in parts), sum(times * part.flops for part, times in parts))
