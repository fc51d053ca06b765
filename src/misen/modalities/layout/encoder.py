"""Boxes as filled maps, or as one token each."""

from __future__ import annotations

import math

import torch
from torch import Tensor

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
    corners = signal.corners * SIZE
    boxes = _cover(corners, signal.given)
    inner = _cover(corners + corners.new_tensor([1, 1, -1, -1]), signal.given)
    return torch.cat((boxes, (boxes - inner).amax(1, keepdim=True)), dim=1)


def _cover(corners: Tensor, given: Tensor) -> Tensor:
    """(B, 13, 64, 64) share of each pixel that lies in each given box, of corners (B, 13, 4) in pixels."""
    start = torch.arange(SIZE, device=corners.device)
    x0, y0, x1, y1 = (edge[..., None] for edge in corners.unbind(2))
    across = (torch.minimum(x1, start + 1) - torch.maximum(x0, start)).clamp(0, 1) * given[..., None]
    down = (torch.minimum(y1, start + 1) - torch.maximum(y0, start)).clamp(0, 1)
    return across[:, :, None, :] * down[:, :, :, None]


def _waves(corners: Tensor) -> Tensor:
    """(B, 13, 32) sines and cosines of (B, 13, 4) coordinates in octaves."""
    octaves = math.pi * 2.0 ** torch.arange(WAVES, device=corners.device)
    phases = (corners[..., None] * octaves).flatten(2)
    return torch.cat((phases.sin(), phases.cos()), dim=2)


def build(coach: Senses) -> LayoutEncoder:
    """The encoder; it needs no network."""
    return LayoutEncoder()
