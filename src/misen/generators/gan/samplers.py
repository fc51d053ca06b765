"""Samplers: both stay where the latent was drawn, and walk only when something guides; one goes layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

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


GRADES = 4
"""Parts of a walk through the layers; one for each resolution of a generator of 64 pixels."""


class Layers(Walk):
    """Goes through the layers from coarse to fine, each of which is told what guides when its turn has come.

    What guides in the first half of the walk decides shapes, what guides in the second one colors: styles of several
    signals are mixed by their windows. Energies move all layers that have been passed. Latents without layers that can
    be told something are walked among as usual.

    Source: Karras et al. 2019 (arXiv:1812.04948), section 3.1, for mixing styles; Xia et al. 2021 (arXiv:2012.03308),
    section 3, for mixing those of several modalities.
    """

    name = "layers"

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """One for each part, or more when energies move what has been passed."""
        count = max(self.steps, GRADES) if guided else GRADES
        return [Level(index / count) for index in range(count)]

    def step(self, state: LatentState, level: Level, predict: Predict, rng: Streams) -> LatentState:
        """One step, which takes along the layers up to where the walk is."""
        point = predict(state, level).point
        if state.passed is None or point.ndim != 3:
            return state.moved(point)
        passed = point.shape[1] * (int(level.progress * GRADES) + 1) // GRADES
        along = torch.arange(point.shape[1], device=point.device) < passed
        return state.moved(torch.where(along[:, None], point, state.value), passed)


SAMPLERS: Mapping[str, Callable[[int], Sampler]] = {Walk.name: Walk, Layers.name: Layers}
"""From a number of steps to a sampler, by name."""
