"""The masked network: all undecided tokens are told at once by the guidances and by the tokens that are decided.

Source: Chang et al. 2022 (arXiv:2202.04200), section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from misen.generators.autoregressive.network import TokenNetwork, spread
from misen.generators.autoregressive.prefix import Conditions, Sequences, joined
from misen.generators.autoregressive.tokens import UNDECIDED, TokenMap, grid_of
from misen.nn.transformer.places import grid_places, turns
from misen.nn.transformer.sight import bias, near


class MaskedNetwork(TokenNetwork):
    """A transformer in which everything sees everything."""

    def forward(
        self, tokens: TokenMap, asked: Sequence[Conditions]
    ) -> Float[Tensor, "_answers codes rows columns"]:
        """The logits of every token under each of several sets of conditions, (S * B, K, h, w)."""
        grid = grid_of(tokens)
        prefix = self.read(asked, len(tokens), grid)
        whole = joined([prefix, self._picture(tokens.repeat(len(asked), 1, 1))])
        window = self.window(grid)
        close = None if window is None else near(whole.places, whole.places, window)
        counted = None if bool(whole.counted.all()) else whole.counted
        by = turns(whole.places, whole.places, self.transformer.pairs)
        seen = self.transformer(whole.tokens, by, bias(counted, close))
        return spread(self.scores(seen[:, prefix.length :]), grid)

    def _picture(self, tokens: TokenMap) -> Sequences:
        """The tokens of all cells, in their places."""
        grid, row = grid_of(tokens), tokens.flatten(1)
        embedded = self.embed(row.masked_fill(row == UNDECIDED, self.blank)) + self.spots(grid)
        return Sequences(embedded, torch.ones_like(row, dtype=torch.bool), grid_places(*grid).to(embedded.device))
