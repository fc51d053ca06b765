"""Traits as one vector of weights."""

from __future__ import annotations

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.attributes.signal import Attributes
from misen.perception.senses import Senses
from misen.scene.attributes import ONE_HOT_WIDTH


class AttributesEncoder:
    """Vector (B, ONE_HOT_WIDTH), zeros where a trait is left open."""

    layouts: tuple[Layout, ...] = ("vector",)

    def width(self, layout: Layout) -> int:
        """One number per value of every attribute."""
        check_layout(layout, self.layouts)
        return ONE_HOT_WIDTH

    def encode(self, signal: Attributes, layout: Layout) -> Condition:
        """The weights; an item that names no trait is null."""
        check_layout(layout, self.layouts)
        return Condition(layout, signal.weights, signal.weights.sum(1) > 0)


def build(coach: Senses) -> AttributesEncoder:
    """The encoder; it needs no network."""
    return AttributesEncoder()
