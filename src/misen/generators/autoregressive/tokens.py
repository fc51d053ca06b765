"""Tokens as maps of numbers, row by row over a picture."""

from __future__ import annotations

from jaxtyping import Bool, Float, Int
from torch import Tensor

UNDECIDED = -1
TokenMap = Int[Tensor, "batch rows columns"]
"""Which code stands in each cell; ``UNDECIDED`` where none does yet."""
Row = Int[Tensor, "batch count"]
"""The same of cells one after another."""
CellFlags = Bool[Tensor, "batch rows columns"]
"""Yes or no per cell."""
Scores = Float[Tensor, "batch codes rows columns"]
"""Logits of every code in every cell."""
Grid = tuple[int, int]
"""Rows and columns of cells."""


def grid_of(tokens: TokenMap) -> Grid:
    """Rows and columns of a map."""
    rows, columns = tokens.shape[1:]
    return rows, columns
