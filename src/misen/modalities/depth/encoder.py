"""Depth as one channel."""

from __future__ import annotations

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.depth.signal import Depth
from misen.perception.senses import Senses


class DepthEncoder:
    """Map (B, 1, 64, 64), 1 nearest."""

    layouts: tuple[Layout, ...] = ("map",)

    def width(self, layout: Layout) -> int:
        """One channel."""
        check_layout(layout, self.layouts)
        return 1

    def encode(self, signal: Depth, layout: Layout) -> Condition:
        """The nearness."""
        check_layout(layout, self.layouts)
        return Condition.full(layout, signal.nearness)


def build(coach: Senses) -> DepthEncoder:
    """The encoder; it needs no network."""
    return DepthEncoder()
