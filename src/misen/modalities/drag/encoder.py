"""Ways as one token each."""

from __future__ import annotations

import torch

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.drag.signal import Drag
from misen.perception.senses import Senses
from misen.scene.anatomy import LANDMARKS


class DragEncoder:
    """Tokens (B, 16, 36): which landmark it is, if any, where it is and where it should be."""

    layouts: tuple[Layout, ...] = ("tokens",)

    def width(self, layout: Layout) -> int:
        """A number per landmark, and x and y of both ends."""
        check_layout(layout, self.layouts)
        return len(LANDMARKS) + 4

    def encode(self, signal: Drag, layout: Layout) -> Condition:
        """Given ways only; an item without any is null."""
        check_layout(layout, self.layouts)
        known = torch.arange(len(LANDMARKS), device=signal.landmarks.device)
        which = (signal.landmarks[..., None] == known).float()
        tokens = torch.cat((which, signal.handles * 2 - 1, signal.targets * 2 - 1), dim=2) * signal.given[..., None]
        return Condition(layout, tokens, signal.given.any(1), signal.given)


def build(coach: Senses) -> DragEncoder:
    """The encoder; it needs no network."""
    return DragEncoder()
