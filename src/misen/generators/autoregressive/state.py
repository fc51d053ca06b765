"""The state: the tokens of a picture, some of them undecided, and what the network remembers of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch

from misen.generators.autoregressive.memory import Memory
from misen.generators.autoregressive.tokens import UNDECIDED, CellFlags, TokenMap


@dataclass(frozen=True, eq=False)
class TokenState:
    """A state.

    Attributes:
        tokens: of each picture.
        free: cells that the walk decides; the others are known from the beginning.
        memory: what was computed of the decided tokens; the answers would be the same without it.
    """

    tokens: TokenMap
    free: CellFlags
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def undecided(self) -> CellFlags:
        """Where no token stands yet."""
        return self.tokens == UNDECIDED

    @cached_property
    def next(self) -> int:
        """Number of the first cell, row by row, that is undecided in any picture; the last cell if none is."""
        open_cells = self.undecided.flatten(1).any(0)
        return int(open_cells.int().argmax()) if open_cells.any() else len(open_cells) - 1

    def decide(self, tokens: TokenMap, where: CellFlags) -> TokenState:
        """The state with ``tokens`` in the cells of ``where`` that are undecided; the others never change."""
        return replace(self, tokens=torch.where(where & self.undecided, tokens, self.tokens))
