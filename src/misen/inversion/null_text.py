"""Null-text: what "nothing is given" means is learned level by level, until the guided walk follows an inverted one.

Source: Mokady et al. 2022 (arXiv:2211.09794), section 3.2; deviations: the squared error is of the point foreseen, not
of the next state, so any sampler that can be aimed will do; the learning rate is constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from misen.core.condition import Condition
from misen.core.errors import Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Level, Movable, Nullable, Sampler, State, answering
from misen.core.shapes import Images, PerItem, Points
from misen.inversion.reverse import REFINEMENTS, Inversion, arrived
from misen.inversion.way import Watch, Way, unwatched
from misen.synthesis.mix import Conditions
from misen.synthesis.plan import Plan

ITERATIONS = 10
"""Most updates per level."""
RATE = 1e-2
"""Of Adam."""
TOLERANCE = 1e-4
"""Mean squared error of the point foreseen below which a level needs no further update."""
PIVOT_SHARE = 0.2
"""Of the work; the rest is learning."""


class NullText:
    """What a generator answers, but for the answer to no condition at all, which is replaced level by level.

    Attributes:
        generator: who answers.
        nulls: for each level of the walk, in order, the conditions that stand for none.
    """

    def __init__(self, generator: Generator, nulls: Sequence[Conditions]) -> None:
        self.generator, self.nulls = generator, list(nulls)

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate, under the null of ``level`` where no item has a condition."""
        given = any(bool(condition.present.any()) for condition in conditions.values())
        return self.generator.predict(state, level, conditions if given else self.null(state, level))

    def null(self, state: State, level: Level) -> Conditions:
        """The null of ``level``, that of one picture for every item of a state."""
        null = self.nulls[self.index(level)]
        if not isinstance(state, Movable):
            return null
        return {port: given.repeat(len(state.value) // len(given.present)) for port, given in null.items()}

    def index(self, level: Level) -> int:
        """The number of a level of the walk."""
        return round(level.progress * len(self.nulls))


@torch.no_grad()
def invert_null_text(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    image: Images,
    *,
    refinements: int = REFINEMENTS,
    iterations: int = ITERATIONS,
    watch: Watch = unwatched,
    device: torch.device | str = "cpu",
) -> Inversion:
    """Walk pictures back without extrapolation, then learn the nulls with which the plan rebuilds them.

    Args:
        generator: can begin from a picture and states its null.
        sampler: can be reversed.
        plan: what guides, at a scale as large as an edit needs.
        image: (B, 3, H, W) in [-1, 1].
        refinements: of each step back.
        iterations: updates per level, at most; 0 leaves the nulls as they are.
        watch: told how much is done.
        device: where the generator's parameters are.

    Raises:
        Unreachable: generator, sampler or plan allow no way back, or leave no null to learn.
        NotFinite: the rebuilt picture holds NaN or infinity.
    """
    nullable = _nullable(generator, plan)
    pivot = Way.of(generator, sampler, replace(plan, scale=1.0), len(image), device)
    trajectory = pivot.back(pivot.encode(image), refinements, lambda share: watch(PIVOT_SHARE * share))
    nulls = NullText(generator, [nullable.null(len(image))] * len(pivot.levels))
    way = Way.of(answering(generator, nulls.predict, contrast=False), sampler, plan, len(image), device)
    state = trajectory[0]
    for done, (level, goal) in enumerate(zip(way.levels, trajectory[1:], strict=True), 1):
        _learn(nulls, way, state, level, goal, iterations)
        state = sampler.step(state, level, way.predict, way.rng)
        watch(PIVOT_SHARE + (1 - PIVOT_SHARE) * done / len(way.levels))
    return arrived(way, image, trajectory, state, tuple(nulls.nulls))


def _nullable(generator: Generator, plan: Plan) -> Nullable:
    """The generator as one whose null can be stated, where the plan leaves a null."""
    if not isinstance(generator, Nullable):
        raise Unreachable("this generator does not state what it takes for no condition", field="method")
    if plan.negatives:
        raise Unreachable("what is pushed away stands where the null would be learned", field="negative_prompt")
    return generator


def _learn(nulls: NullText, way: Way, state: State, level: Level, goal: State, iterations: int) -> None:
    """Change the nulls from ``level`` on until the step from ``state`` leads to ``goal``, or nearly."""
    first, aim = nulls.index(level), way.sampler.aim(state, level, goal)
    free = {port: given.value.clone().requires_grad_() for port, given in nulls.nulls[first].items()}
    nulls.nulls[first] = _stated(nulls.nulls[first], free)
    optimizer = torch.optim.Adam(free.values(), lr=RATE)
    for _ in range(iterations):
        with torch.enable_grad():
            errors = _errors(way.predict(state, level).point, aim)
            total = errors.sum()
        if not total.requires_grad or errors.max() < TOLERANCE:
            break
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    learned = _stated(nulls.nulls[first], {port: value.detach() for port, value in free.items()})
    nulls.nulls[first:] = [learned] * len(nulls.nulls[first:])


def _stated(null: Conditions, values: Mapping[str, Tensor]) -> Conditions:
    """``null`` with other values."""
    return {port: replace(given, value=values[port]) for port, given in null.items()}


def _errors(point: Points, aim: Points) -> PerItem:
    """(B,) mean squared differences."""
    return (point - aim).square().flatten(1).mean(dim=1)
