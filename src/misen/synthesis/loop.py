"""Loop: walks a generator along a sampler under a plan; knows no modality and no family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import torch

from misen.core.errors import NotFinite, Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Level, Precise, Predict, Repeatable, Sampler, Startable, State
from misen.core.seeding import Streams
from misen.core.shapes import Images
from misen.synthesis.augment import augmented
from misen.synthesis.correct import Pull, correct
from misen.synthesis.mix import Native, mix
from misen.synthesis.plan import Decision, Plan
from misen.synthesis.project import Constraint, project
from misen.synthesis.recur import recurrent
from misen.synthesis.schedule import truncate
from misen.synthesis.sharing import repeats, share
from misen.synthesis.trace import Moment, Step, Watch, silent


@dataclass(frozen=True)
class Start:
    """A picture to begin from.

    Attributes:
        image: (B, 3, H, W) or (1, 3, H, W) in [-1, 1].
        strength: in [0, 1]; 0 keeps the picture as the family encodes it, 1 ignores it.
    """

    image: Images
    strength: float


@dataclass(frozen=True)
class Resume:
    """A state to go on from, as an inversion returns it.

    Attributes:
        state: of the generator, one item per picture or one for all, at the first level of what is walked.
        strength: in [0, 1]; how much of the walk is left, nothing for a finished state.
    """

    state: State
    strength: float = 1.0


@dataclass(frozen=True)
class Synthesis:
    """What came out.

    Attributes:
        images: (B, 3, H, W) in [-1, 1].
        state: the finished state, from which editing can go on.
        trace: one entry per step.
    """

    images: Images
    state: State
    trace: tuple[Step, ...]


@torch.no_grad()
def synthesize(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    *,
    seeds: Sequence[int],
    start: Start | Resume | None = None,
    watch: Watch = silent,
    device: torch.device | str = "cpu",
) -> Synthesis:
    """Make one picture per seed.

    Args:
        generator: answers where each picture is going.
        sampler: moves the states; the same that the plan was made for.
        plan: what guides, and how.
        seeds: one per picture; picture k depends on ``seeds[k]`` alone.
        start: a picture or a state to begin from instead of noise.
        watch: called after each step; may raise ``Cancelled``.
        device: where the generator's parameters are.

    Raises:
        Unreachable: when there is a start and the generator cannot begin from a picture.
        NotFinite: when a step overflows in float32 too; names the step.
        InputError: when a signal or picture has neither one item nor as many as there are seeds.
    """
    rng = Streams(seeds, device=device)
    pulls = [_pull(decision, rng) for decision in plan.decisions if decision.energy is not None]
    walk = _Walk(generator, recurrent(sampler, pulls), lambda answers: guide(answers, sampler, plan, pulls, rng), rng)
    levels = truncate(sampler.levels(guided=plan.guided), 1.0 if start is None else start.strength)
    state, trace = walk.begin(start, levels), []
    for index, level in enumerate(levels):
        state, retried = walk.step(state, level, index)
        trace.append(Step(index, level, walk.size(), {pull.signal.modality: pull.mean for pull in pulls}, retried))
        watch(Moment(trace[-1], len(levels), walk.last))
    return Synthesis(walk.finish(state, plan.known), state, tuple(trace))


def guide(generator: Generator, sampler: Sampler, plan: Plan, pulls: Sequence[Pull], rng: Streams) -> Predict:
    """The generator under a plan: mixed, then corrected, then projected."""
    natives = [_native(decision, generator, rng) for decision in plan.decisions if decision.port]
    negatives = {decision.port: _native(decision, generator, rng).condition for decision in plan.negatives}
    predict = mix(generator, natives, plan.scale, negatives)
    if pulls:
        predict = correct(predict, pulls, sampler, rng.for_purpose("augment"))
    if plan.known is not None:
        predict = project(predict, plan.known.spread(rng).force(generator))
    return predict


class _Walk:
    """A generator, its guided prediction and a sampler, with the last estimate remembered."""

    last: Estimate

    def __init__(
        self, generator: Generator, sampler: Sampler, guided: Callable[[Generator], Predict], rng: Streams
    ) -> None:
        self.generator, self.sampler, self.guided, self.rng = generator, sampler, guided, rng
        self.predict = guided(generator)

    def begin(self, start: Start | Resume | None, levels: Sequence[Level]) -> State:
        """The state before the first level: what is resumed, noise, or a picture on the way there."""
        if isinstance(start, Resume):
            return _resumed(start.state, self.rng)
        if start is None or start.strength == 1:
            return self.generator.start(len(self.rng), self.rng)
        generator = _startable(self.generator)
        point = generator.encode(share(start.image, self.rng, "image"))
        return generator.restart(point, levels[0] if levels else None, self.rng)

    def step(self, state: State, level: Level, index: int) -> tuple[State, bool]:
        """One step, and whether it overflowed and was repeated in float32."""
        try:
            return self._try(self.predict, state, level), False
        except NotFinite:
            with self._precisely() as exact:
                complaint = f"step {index} gave NaN or infinity, also in float32"
                return self._try(self.guided(exact), state, level, complaint), True

    def finish(self, state: State, known: Constraint | None) -> Images:
        """The pictures, shown again in float32 if they overflow, in agreement with what is known."""
        images = self.generator.finish(state)
        if not torch.isfinite(images).all():
            with self._precisely() as exact:
                images = exact.finish(state)
        if not torch.isfinite(images).all():
            raise NotFinite("the finished picture holds NaN or infinity, also in float32")
        return images if known is None else known.spread(self.rng).finish(images)

    def size(self) -> float:
        """Root mean square of the last estimate."""
        return float(self.last.point.square().mean().sqrt())

    def _precisely(self) -> AbstractContextManager[Generator]:
        """The generator in full precision, as far as it can work in it."""
        return self.generator.full_precision() if isinstance(self.generator, Precise) else nullcontext(self.generator)

    def _try(self, predict: Predict, state: State, level: Level, complaint: str = "overflow") -> State:
        def watched(state: State, level: Level) -> Estimate:
            self.last = predict(state, level)
            if not torch.isfinite(self.last.point).all():
                raise NotFinite(complaint, hint="lower the guidance scale or the strengths")
            return self.last

        return self.sampler.step(state, level, watched, self.rng)


def _resumed(state: State, rng: Streams) -> State:
    """A state of as many items as there are pictures, as far as states of the family can be repeated."""
    return state.repeat(repeats(len(state.value), rng, "state")) if isinstance(state, Repeatable) else state


def _startable(generator: Generator) -> Startable:
    """The generator as one that can begin from a picture."""
    if not isinstance(generator, Startable):
        raise Unreachable("this generator cannot begin from a picture", field="image", hint="leave the picture out")
    return generator


def _native(decision: Decision, generator: Generator, rng: Streams) -> Native:
    """The condition of a native or adapted decision, one item per picture; a single signal is encoded once."""
    encoder, signal = decision.encoder, decision.guidance.signal
    assert encoder is not None, "a native decision carries its encoder"
    condition = encoder.encode(signal, generator.ports[decision.port].layout).to(rng.device)
    condition = condition.repeat(repeats(len(signal), rng, signal.modality))
    if decision.route == "adapted":
        condition = replace(condition, strength=decision.guidance.strength)
    return Native(decision.port, condition, decision.guidance, decision.mixable)


def _pull(decision: Decision, rng: Streams) -> Pull:
    """The energy of a decision, ready to begin where the pictures are."""
    energy, signal = decision.energy, decision.guidance.signal
    assert energy is not None, "a consistency decision carries its energy"
    index = torch.arange(len(signal)).repeat_interleave(repeats(len(signal), rng, signal.modality))
    wished = signal[index].to(rng.device)
    return Pull(augmented(energy, decision.guidance.consistency.copies), wished, decision.guidance)
