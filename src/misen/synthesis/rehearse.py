"""What a walk under a plan would take, found without walking it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from misen.core.estimate import Estimate
from misen.core.generator import Generator, Movable, Sampler, State
from misen.core.seeding import Streams
from misen.nn.rehearsal import Call, Rehearsal, stage
from misen.synthesis.plan import Plan


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


@torch.no_grad()
def rehearse(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    *,
    batch: int = 1,
    device: str = "cpu",
    where: FakeTensorMode | None = None,
) -> Cost:
    """The cost of a walk: its predictions, the gradients of its decoder, and the finished pictures.

    Not counted are what energies compute by themselves, and gradients through the network.

    Args:
        generator: may have been built on a stage.
        sampler: the same that the plan was made for.
        plan: tells how often the generator is asked.
        batch: pictures at once.
        device: where the generator's parameters are.
        where: the stage that the generator was built on; a new one for a generator with content.
    """
    level = sampler.levels(guided=plan.guided)[0]
    state = _emptied(generator.start(batch, Streams(range(batch), device=device)), where or stage())
    asked, pulled, finished = Rehearsal(), Rehearsal(), Rehearsal()
    with asked:
        estimate = generator.predict(state, level, {})
    if plan.gradients:
        with pulled, torch.enable_grad():
            _pull(estimate)
    with finished:
        generator.finish(state)
    return _total((asked, plan.evaluations), (pulled, plan.gradients), (finished, 1))


def _emptied(state: State, where: FakeTensorMode) -> State:
    """The state without content; whatever meets it has none either."""
    return state.at(where.from_tensor(state.value)) if isinstance(state, Movable) else state


def _pull(estimate: Estimate) -> None:
    """The gradient of the decoded picture."""
    point = estimate.point.detach().requires_grad_()
    estimate.view(point).image.sum().backward()


def _total(*parts: tuple[Rehearsal, int]) -> Cost:
    """Some parts, each as often as it is done."""
    calls = Counter[Call]()
    for part, times in parts:
        for call, count in part.calls.items():
            calls[call] += times * count
    return Cost(calls, max(part.peak for part, _ in parts), sum(times * part.flops for part, times in parts))
