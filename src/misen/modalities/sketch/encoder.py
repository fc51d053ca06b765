"""Drawings as one channel of ink."""

from __future__ import annotations

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.sketch.signal import Sketch
from misen.perception.senses import Senses


class SketchEncoder:
    """Map (B, 1, 64, 64), 1 = ink."""

    layouts: tuple[Layout, ...] = ("map",)

    def width(self, layout: Layout) -> int:
        """One channel."""
        check_layout(layout, self.layouts)
        return 1

    def encode(self, signal: Sketch, layout: Layout) -> Condition:
        """The ink."""
        check_layout(layout, self.layouts)
        return Condition.full(layout, signal.ink)


def build(coach: Senses) -> SketchEncoder:
    """The encoder; it needs no network."""
    return SketchEncoder()
