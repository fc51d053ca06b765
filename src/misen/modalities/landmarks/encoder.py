"""Points as heat-maps, or as one token each."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.landmarks.signal import Landmarks
from misen.nn.heat_maps import heat_maps
from misen.perception.senses import Senses
from misen.scene.anatomy import LANDMARKS

SIZE = 64
SIGMA = 1.5
"""Standard deviation of a point's heat-map in pixels."""


class LandmarksEncoder:
    """Map (B, 32, 64, 64), a Gaussian per given point; tokens (B, 32, 34), which point and where."""

    layouts: tuple[Layout, ...] = ("map", "tokens")

    def width(self, layout: Layout) -> int:
        """A channel per point; for tokens x and y more."""
        check_layout(layout, self.layouts)
        return len(LANDMARKS) + (2 if layout == "tokens" else 0)

    def encode(self, signal: Landmarks, layout: Layout) -> Condition:
        """Given points only; an item without any is null."""
        check_layout(layout, self.layouts)
        present = signal.given.any(1)
        if layout == "map":
            return Condition(layout, _heat(signal), present)
        which = torch.eye(len(LANDMARKS), device=signal.points.device).expand(len(signal), -1, -1)
        tokens = torch.cat((which, signal.points * 2 - 1), dim=2) * signal.given[..., None]
        return Condition(layout, tokens, present, signal.given)


def _heat(signal: Landmarks) -> Tensor:
    """(B, 32, 64, 64): the Gaussian of each given point, 1 at its middle."""
    return heat_maps(signal.points, SIZE, SIGMA) * signal.given[..., None, None]


def build(coach: Senses) -> LandmarksEncoder:
    """The encoder; it needs no network."""
    return LandmarksEncoder()
