"""A static cache: keys and values of what was read, in memory that is reserved once.

Where sequences are longer than what may be looked at, the newest tokens take the cells of the oldest: a slide costs
nothing, since keys know their place and not their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from misen.nn.transformer.places import PerHead


@dataclass(frozen=True)
class Cache:
    """Keys and values of every layer.

    Attributes:
        content: of which the first ``fixed`` cells keep what they hold.
        fixed: tokens at the beginning of a sequence.
    """

    content: Float[Tensor, "layers 2 batch heads cells features"]
    fixed: int

    @classmethod
    def reserved(cls, layers: int, like: PerHead, fixed: int, turning: int) -> Cache:
        """An empty one of ``fixed + turning`` cells for the batch, heads and width of keys ``like`` (1, B, H, T, d)."""
        _, batch, heads, _, features = like.shape
        return cls(like.new_zeros(layers, 2, batch, heads, fixed + turning, features), fixed)

    @property
    def turning(self) -> int:
        """Cells that are used again and again."""
        return self.content.shape[-2] - self.fixed

    def opened(self, first: int, count: int) -> Page:
        """Room for ``count`` tokens from number ``first`` on, which lie in cells side by side."""
        start = first if first < self.fixed else self.fixed + (first - self.fixed) % self.turning
        end = min(first + count, self.content.shape[-2])
        return Page(self.content, slice(start, start + count), end)

    def numbers(self, newest: int) -> Int[Tensor, " cells"]:
        """Which token each turning cell holds once number ``newest``, counted behind the fixed ones, is written.

        Negative where there is none yet.
        """
        cells = torch.arange(self.turning, device=self.content.device)
        return newest - (newest - cells) % self.turning


@dataclass(frozen=True)
class Page:
    """Where some new tokens are written.

    Attributes:
        content: of the cache.
        cells: theirs.
        end: cells from the left that hold anything once they are written.
    """

    content: Float[Tensor, "layers 2 batch heads cells features"]
    cells: slice
    end: int

    def write(self, layer: int, pair: Float[Tensor, "2 batch heads new features"]) -> Tensor:
        """Keep keys and values (2, B, H, T, d) of a layer; those of all that was read, (2, B, H, end, d)."""
        kept = self.content[layer]
        kept[..., self.cells, :] = pair
        return kept[..., : self.end, :]
