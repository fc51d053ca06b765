"""The sampler: stays where the latent was drawn, and walks only when something guides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from misen.core.generator import Level, Predict, Sampler
from misen.core.seeding import Streams
from misen.generators.gan.state import LatentState


class Walk:
    """Goes where the estimate has been moved to, by steps that become shorter; one step when nothing guides.

    Source: Patashnik et al. 2021 (arXiv:2103.17249), section 4, where the steps are an optimiser's.
    """

    name = "walk"

    def __init__(self, steps: int) -> None:
        """``steps`` of a guided walk."""
        self.steps = steps

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """As many as there are steps."""
        count = self.steps if guided else 1
        return [Level(index / count) for index in range(count)]

    def step(self, state: LatentState, level: Level, predict: Predict, rng: Streams) -> LatentState:
        """One step."""
        return state.moved(predict(state, level).point)

    def anneal(self, level: Level) -> float:
        """What is left of the walk."""
        return 1.0 - level.progress


SAMPLERS: Mapping[str, Callable[[int], Sampler]] = {Walk.name: Walk}
"""From a number of steps to a sampler, by name."""
