"""Traits as one vector of weights, or as one token each."""

from __future__ import annotations

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.attributes.signal import Attributes, named
from misen.nn.blocks import block_tokens
from misen.perception.senses import Senses
from misen.scene.attributes import ATTRIBUTES, ONE_HOT_WIDTH


class AttributesEncoder:
    """Vector (B, ONE_HOT_WIDTH), zeros where a trait is left open; or tokens (B, 16, ONE_HOT_WIDTH), one per trait."""

    layouts: tuple[Layout, ...] = ("vector", "tokens")

    def width(self, layout: Layout) -> int:
        """One number per value of every attribute."""
        check_layout(layout, self.layouts)
        return ONE_HOT_WIDTH

    def encode(self, signal: Attributes, layout: Layout) -> Condition:
        """The weights; a trait left open is no token, and an item that names no trait is null."""
        check_layout(layout, self.layouts)
        told = named(signal.weights)
        if layout == "vector":
            return Condition(layout, signal.weights, told.any(1))
        tokens = block_tokens(signal.weights, [len(attribute) for attribute in ATTRIBUTES])
        return Condition(layout, tokens, told.any(1), told)


def build(coach: Senses) -> AttributesEncoder:
    """The encoder; it needs no network."""
    return AttributesEncoder()
