"""Readers: from a condition to what an expert has understood of it, a vector whatever the layout was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.codecs.layers import Encoder
from misen.core.condition import Condition, Layout
from misen.core.image import resize
from misen.core.shapes import Vectors
from misen.nn.fusion.cross_attention import TokensEntrance


@dataclass(frozen=True)
class AlignmentSettings:
    """Size and shape of the experts.

    Attributes:
        widths: channels at half the size of a map, a quarter and so on.
        units: residual units at each of them.
        summary: channels of the coarsest map.
        words: width of tokens.
        looks: how often a sequence is looked at, for something else each time.
        hidden: width of what is understood.
    """

    widths: Sequence[int] = (32, 64, 96, 128)
    units: Sequence[int] = (1, 1, 1, 1)
    summary: int = 32
    words: int = 96
    looks: int = 8
    hidden: int = 256


class MapReader(nn.Module):
    """Convolutions over blocks of 2x2 pixels, down to a few places, and a dense layer.

    Args:
        channels: of the map.
        settings: size and shape.
        size: height and width at which maps are read, in pixels.
    """

    def __init__(self, channels: int, settings: AlignmentSettings, size: int) -> None:
        super().__init__()
        self.size = size
        self.look = Encoder(settings.widths, settings.units, settings.summary, channels=channels)
        self.understand = nn.Linear(settings.summary * (size // self.look.stride) ** 2, settings.hidden)

    def forward(self, condition: Condition) -> Vectors:
        """A map (B, channels, h, w) -> (B, hidden)."""
        seen = self.look(resize(condition.value, self.size)).flatten(1)
        return functional.silu(self.understand(functional.silu(seen)))


class TokensReader(nn.Module):
    """Weighs the tokens of a sequence in several ways, adds them up in each, and a dense layer.

    Args:
        width: of the tokens.
        settings: size and shape.
    """

    def __init__(self, width: int, settings: AlignmentSettings) -> None:
        super().__init__()
        self.entrance = TokensEntrance(width, settings.words, settings.words)
        self.weigh = nn.Linear(settings.words, settings.looks, bias=False)
        self.understand = nn.Linear(settings.looks * settings.words, settings.hidden)

    def forward(self, condition: Condition) -> Vectors:
        """Tokens (B, L, width) -> (B, hidden); those that do not count weigh nothing, unless none counts."""
        tokens: Tensor = self.entrance(condition.value)
        loudness = self.weigh(tokens).float()
        if condition.mask is not None:
            loudness = loudness.masked_fill(~condition.mask[..., None], torch.finfo(loudness.dtype).min)
        seen = torch.einsum("blk,blw->bkw", loudness.softmax(dim=1).to(tokens.dtype), tokens)
        return functional.silu(self.understand(seen.flatten(1)))


READERS: Mapping[Layout, Callable[[int, AlignmentSettings, int], nn.Module]] = {
    "map": MapReader,
    "tokens": lambda width, settings, size: TokensReader(width, settings),
}
"""From the width of a condition and the size of the pictures to what reads it, by layout."""
