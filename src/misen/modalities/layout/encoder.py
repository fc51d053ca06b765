"""Boxes as filled maps, or as one token each."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, check_layout
from misen.core.condition import Layout as Shape
from misen.modalities.layout.signal import Layout
from misen.perception.senses import Senses
from misen.scene.layout import LABELS

SIZE = 64
WAVES = 4
"""Octaves of sines and cosines that tell each corner coordinate of a token."""


class LayoutEncoder:
    """Map (B, 14, 64, 64), each part's box filled, and the outlines of all; tokens (B, 13, 45), label and corners."""

    layouts: tuple[Shape, ...] = ("map", "tokens")

    def width(self, layout: Shape) -> int:
        """A channel per label and one of outlines; for tokens the label and the waves of four coordinates."""
        check_layout(layout, self.layouts)
        return len(LABELS) + (1 if layout == "map" else 4 * 2 * WAVES)

    def encode(self, signal: Layout, layout: Shape) -> Condition:
        """Given boxes only; an item without any is null."""
        check_layout(layout, self.layouts)
        present = signal.given.any(1)
        if layout == "map":
            return Condition(layout, _fill(signal), present)
        which = torch.eye(len(LABELS), device=signal.corners.device).expand(len(signal), -1, -1)
        tokens = torch.cat((which, _waves(signal.corners)), dim=2) * signal.given[..., None]
        return Condition(layout, tokens, present, signal.given)


def _fill(signal: Layout) -> Tensor:
    """(B, 14, 64, 64): how much of each pixel each box covers, then the outlines of all boxes."""
    start = torch.arange(SIZE, device=signal.corners.device)
    x0, y0, x1, y1 = (edge[..., None] * SIZE for edge in signal.corners.unbind(2))
    across = (torch.minimum(x1, start + 1) - torch.maximum(x0, start)).clamp(0, 1)
    down = (torch.minimum(y1, start + 1) - torch.maximum(y0, start)).clamp(0, 1)
    boxes = across[:, :, None, :] * down[:, :, :, None] * signal.given[..., None, None]
    eroded = -functional.max_pool2d(-boxes, 3, stride=1, padding=1)
    return torch.cat((boxes, (boxes - eroded).amax(1, keepdim=True)), dim=1)


def _waves(corners: Tensor) -> Tensor:
    """(B, 13, 32) sines and cosines of (B, 13, 4) coordinates in octaves."""
    octaves = math.pi * 2.0 ** torch.arange(WAVES, device=corners.device)
    phases = (corners[..., None] * octaves).flatten(2)
    return torch.cat((phases.sin(), phases.cos()), dim=2)


def build(coach: Senses) -> LayoutEncoder:
    """The encoder; it needs no network."""
    return LayoutEncoder()
