"""The aligned generator: a style-based one with native ports, whose conditions say where in W+ to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Points
from misen.generators.gan.alignment.network import Alignment
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks
from misen.generators.gan.state import LatentState


class AlignedGenerator(StyleGenerator):
    """Makes of latents what is asked of them, once; from then on only energies move them.

    It does not matter where latents are from: those of a seed become a picture of what is told, those of a given
    picture keep everything else.

    Args:
        networks: mapping, synthesis and encoder.
        alignment: what other modalities say of latents.
        card: what is known of the generator.
        facts: what is known of the alignment.

    Attributes:
        ports: by name; strengths extrapolate from the latents to which nothing was told.
    """

    def __init__(
        self,
        networks: StyleNetworks,
        alignment: Alignment,
        card: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(networks, card)
        self.alignment, self.facts = alignment, dict(facts or {})
        self.ports: Mapping[str, Port] = {line.name: line.port() for line in alignment.table}

    def start(self, batch: int, rng: Streams) -> LatentState:
        """A latent and noise, drawn from each picture's seed, of which nothing is asked yet."""
        return replace(super().start(batch, rng), passed=0)

    def restart(self, point: Points, level: Level | None, rng: Streams) -> LatentState:
        """A state on the way to a picture, of which nothing is asked yet."""
        return replace(super().restart(point, level, rng), passed=0)

    def unpack(self, tensors: Mapping[str, Tensor]) -> LatentState:
        """A state in which nothing is drawn and nothing asked; raises ``ModelFileError`` for those of other models."""
        return replace(super().unpack(tensors), passed=0)

    def predict(self, state: LatentState, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The latents as conditions want them; those of layers that have been passed as they are."""
        if state.passed == self.networks.synthesis.layers:
            return super().predict(state, level, conditions)
        point = _ahead(state, self.alignment(conditions, state.value))
        return Estimate(point, self._viewer(state.noise, level))

    def typical(self, state: LatentState) -> Points:
        """The mean latent, for layers that are as they were drawn; nothing is chance any more in those passed."""
        return _ahead(state, super().typical(state))


def _ahead(state: LatentState, point: Points) -> Points:
    """A point (B, layers, width) in the layers that a walk has not passed, and that of the state in the others."""
    done = torch.arange(point.shape[1], device=point.device) < (state.passed or 0)
    return torch.where(done[:, None], state.value, point)
