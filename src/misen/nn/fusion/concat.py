"""Fusion of maps by concatenation with a network's input, written as a sum after its first convolution.

A convolution of concatenated maps is a sum of convolutions, conv(concat(x, m)) = conv(x) + conv'(m); so a network that
knows nothing of m keeps its own weights.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps


class MapEntrance(nn.Module):
    """What a map adds to the first features of a network that works on a coarser grid; begins with nothing.

    Args:
        inputs: channels of the map.
        channels: channels of the features.
        ratio: pixels of the map per cell of the features, along each side.
    """

    def __init__(self, inputs: int, channels: int, ratio: int, hidden: int = 64) -> None:
        super().__init__()
        self.ratio = ratio
        self.gather = nn.Conv2d(inputs * ratio**2, hidden, 1)
        self.blend = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.exit = nn.Conv2d(hidden, channels, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)

    def forward(self, value: Float[Tensor, "batch inputs height width"]) -> Maps:
        """(B, inputs, ratio * h, ratio * w) -> (B, channels, h, w)."""
        x = functional.silu(self.gather(functional.pixel_unshuffle(value, self.ratio)))
        added: Tensor = self.exit(functional.silu(self.blend(x)))
        return added
