"""The raster network: each token is told by the guidances and by the tokens before it, row by row.

Source: Esser et al. 2021 (arXiv:2012.09841), section 3.2, for conditions in front and for the window that slides;
deviation: conditions see each other in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Tokens
from misen.generators.autoregressive.course import Course
from misen.generators.autoregressive.network import TokenNetwork, spread
from misen.generators.autoregressive.prefix import Conditions, Sequences, joined
from misen.generators.autoregressive.tokens import Grid, Row, Scores, TokenMap, grid_of
from misen.nn.transformer.places import nowhere


class RasterNetwork(TokenNetwork):
    """A transformer that sees what comes before."""

    def forward(self, tokens: TokenMap, conditions: Conditions) -> Scores:
        """The logits of every token, each seeing those before it."""
        grid, contents = grid_of(tokens), tokens.flatten(1)[:, :-1]
        course = self.course([conditions], len(tokens), grid)
        x = torch.cat([course.opening.tokens, self.contents(contents, 0, self.spots(grid))], 1)
        everything = slice(0, x.shape[1])
        bias = course.bias(everything, torch.arange(contents.shape[1], device=tokens.device))
        seen = self.transformer(x, course.turns, bias)
        return spread(self.scores(seen[:, course.fixed - 1 :]), grid)

    def course(self, asked: Sequence[Conditions], batch: int, grid: Grid) -> Course:
        """The sequences of a batch under each of several sets of conditions, the sets one after another."""
        prefix = self.read(asked, batch, grid)
        sign = (self.embed.weight[self.blank] + self.spots(grid)[0, 0])[None, None]
        there = torch.ones(1, 1, dtype=torch.bool, device=sign.device)
        opening = joined([prefix, Sequences(sign, there, nowhere(1).to(sign.device))])
        return Course(opening, grid, self.window(grid), self.transformer.pairs)

    def contents(self, tokens: Row, first: int, spots: Float[Tensor, "1 cells features"]) -> Tokens:
        """Tokens (B, T) of the cells from number ``first`` on; each knows the cell that follows it."""
        embedded: Tensor = self.embed(tokens) + spots[:, first + 1 : first + 1 + tokens.shape[1]]
        return embedded
