"""What all networks over tokens share: their sizes, embeddings of codes and cells, and the prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Tokens
from misen.generators.autoregressive.prefix import Conditions, PortSettings, Prefix, Sequences, stacked
from misen.generators.autoregressive.tokens import Grid, Scores
from misen.nn.transformer.transformer import Transformer


@dataclass(frozen=True)
class NetworkSettings:
    """Size and shape of a network over tokens.

    Attributes:
        codes: different ones there are.
        stride: pixels per cell, along each side.
        side: cells along each side of the pictures it is trained on.
        width: features per token, a multiple of 8 per head.
        layers: blocks.
        heads: of each attention.
        context: tokens of all guidances together that may be given at once.
    """

    codes: int = 4096
    stride: int = 8
    side: int = 8
    width: int = 256
    layers: int = 6
    heads: int = 8
    context: int = 512


class TokenNetwork(nn.Module):
    """Embeddings, prefix and transformer."""

    def __init__(self, settings: NetworkSettings, table: Sequence[PortSettings]) -> None:
        super().__init__()
        self.settings, self.table = settings, tuple(table)
        self.embed = nn.Embedding(settings.codes + 1, settings.width)
        self.rows, self.columns = (nn.Parameter(0.02 * torch.randn(settings.side, settings.width)) for _ in range(2))
        self.prefix = Prefix(table, settings.width, settings.stride, settings.context)
        self.transformer = Transformer(settings.width, settings.layers, settings.heads)
        nn.init.normal_(self.embed.weight, std=0.02)

    @property
    def blank(self) -> int:
        """The number of what stands where no code does."""
        return self.settings.codes

    def window(self, grid: Grid) -> tuple[int, int] | None:
        """How many rows and columns apart what may look at each other is; None where that is all of the grid."""
        side = self.settings.side
        return None if max(grid) <= side else (side, side)

    def spots(self, grid: Grid) -> Float[Tensor, "1 cells features"]:
        """What tells the cells of a grid apart; on larger ones than it was trained on they repeat."""
        rows, columns = (
            table[torch.arange(side, device=table.device) % len(table)]
            for table, side in zip((self.rows, self.columns), grid, strict=True)
        )
        return (rows[:, None] + columns).flatten(0, 1)[None]

    def read(self, asked: Sequence[Conditions], batch: int, grid: Grid) -> Sequences:
        """The prefixes of a batch under each of several sets of conditions, the sets one after another."""
        spots = self.spots(grid)
        return stacked([self.prefix(conditions, batch, grid, spots) for conditions in asked]).packed()

    def scores(self, x: Tokens) -> Float[Tensor, "batch length codes"]:
        """Logits of the codes."""
        return functional.linear(x, self.embed.weight[:-1])


def spread(scores: Float[Tensor, "batch cells codes"], grid: Grid) -> Scores:
    """(B, h w, K) -> (B, K, h, w)."""
    maps: Tensor = scores.mT.unflatten(2, grid)
    return maps
