"""Fusion of maps by spatially-adaptive denormalisation: features are normalised, then scaled and shifted by the map.

Normalisation takes away what a flat map adds to features; a map that acts after it cannot be washed out.

Source: Park et al. 2019 (arXiv:1903.07291), equations 1 to 3; deviations: instance norm, which needs no other pictures,
a plain shortcut, and edges that are repeated instead of padded with zeros, so that a constant map is one up to them.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps

SLOPE = 0.2
"""Of the leaky rectifiers, below zero."""
Guides = Float[Tensor, "batch inputs rows columns"]
"""The maps that modulate, on the grid of the features."""


class Spade(nn.Module):
    """Normalises features, then scales and shifts each by two convolutions of the map.

    Args:
        channels: of the features.
        inputs: channels of the map.
        hidden: channels between the two convolutions.
    """

    def __init__(self, channels: int, inputs: int, hidden: int) -> None:
        super().__init__()
        self.gather = nn.Conv2d(inputs, hidden, 3, padding=1, padding_mode="replicate")
        self.modulate = nn.Conv2d(hidden, 2 * channels, 3, padding=1, padding_mode="replicate")

    def forward(self, x: Maps, guide: Guides) -> Maps:
        """(B, channels, h, w) and (B, inputs, h, w) -> (B, channels, h, w)."""
        scale, shift = self.modulate(functional.relu(self.gather(guide))).chunk(2, dim=1)
        modulated: Tensor = functional.instance_norm(x) * (1 + scale) + shift
        return modulated


class SpadeBlock(nn.Module):
    """A residual block of two convolutions, each behind its own modulation by the map.

    Args:
        inputs: channels of the features that come in.
        outputs: channels of those that go out.
        guide: channels of the map.
        hidden: channels inside each modulation.
    """

    def __init__(self, inputs: int, outputs: int, guide: int, hidden: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.enter, self.leave = Spade(inputs, guide, hidden), Spade(middle, guide, hidden)
        self.first = nn.Conv2d(inputs, middle, 3, padding=1)
        self.second = nn.Conv2d(middle, outputs, 3, padding=1)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Float[Tensor, "batch features rows columns"], guide: Guides) -> Maps:
        """(B, inputs, h, w) and (B, guide, h, w) -> (B, outputs, h, w)."""
        branch = self.first(functional.leaky_relu(self.enter(x, guide), SLOPE))
        branch = self.second(functional.leaky_relu(self.leave(branch, guide), SLOPE))
        total: Tensor = self.shortcut(x) + branch
        return total
