"""The course of a sequence in raster order: where everything stands and looks from, and what it may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from misen.core.shapes import Counted
from misen.generators.autoregressive.prefix import Sequences
from misen.generators.autoregressive.tokens import Grid
from misen.nn.transformer import sight
from misen.nn.transformer.places import Places, Turns, grid_places, turns


@dataclass(frozen=True)
class Course:
    """Everything about a sequence that does not depend on its tokens.

    It consists of an opening and the tokens of all cells but the last. A token looks from the cell that is to be
    decided next, and is looked at in its own, so that two of them are always as far apart as their cells, also from the
    end of a row to the beginning of the next.

    Attributes:
        opening: the prefix, and at its end the sign that the picture begins.
        grid: of the picture.
        window: how many rows and columns apart what may look at each other is; None where that is all of the grid.
        pairs: of numbers that places turn.
    """

    opening: Sequences
    grid: Grid
    window: tuple[int, int] | None
    pairs: int

    @property
    def fixed(self) -> int:
        """Tokens of the opening."""
        return self.opening.length

    @property
    def cells(self) -> int:
        """Of the picture."""
        return self.grid[0] * self.grid[1]

    @property
    def remembered(self) -> int:
        """Tokens of the picture, counted back from the newest, that may still be looked at."""
        return max(1, self.cells - 1 if self.window is None else min(self.cells - 1, self.window[0] * self.grid[1]))

    @cached_property
    def places(self) -> Places:
        """Where everything stands."""
        return self._behind(self.opening.places, self._grid[:, :-1])

    @cached_property
    def targets(self) -> Places:
        """Where everything looks from."""
        return self._behind(self.opening.places[:, :-1], self._grid)

    @cached_property
    def turns(self) -> Turns:
        """What that does to queries and keys."""
        return turns(self.targets, self.places, self.pairs)

    def bias(self, queries: slice, numbers: Int[Tensor, " cells"]) -> sight.Bias | None:
        """What a part of the sequence may look at: the opening, and tokens of the picture by their ``numbers``."""
        device = numbers.device
        index = torch.arange(queries.start, queries.stop, device=device)[:, None] - self.fixed
        cells = (numbers >= 0) & (numbers <= index)
        order = torch.cat([torch.ones(len(index), self.fixed, dtype=torch.bool, device=device), cells], 1)[None]
        return sight.bias(self._counted(len(numbers)), order, self._near(queries, numbers))

    def last(self, cells: int) -> sight.Bias | None:
        """What the newest token may look at without a window: the opening, and all of so many cells."""
        return None if self._row is None else self._row[..., : self.fixed + cells]

    @cached_property
    def _grid(self) -> Places:
        return grid_places(*self.grid).to(self.opening.places.device)

    @cached_property
    def _row(self) -> sight.Bias | None:
        """That of the very last token."""
        return sight.bias(self._counted(self.cells - 1))

    def _counted(self, cells: int) -> Counted | None:
        """Which of the opening and of some cells is there; None if everything is."""
        if self._whole:
            return None
        counted = self.opening.counted
        return torch.cat([counted, counted.new_ones(len(counted), cells)], 1)

    @cached_property
    def _whole(self) -> bool:
        return bool(self.opening.counted.all())

    def _near(self, queries: slice, numbers: Int[Tensor, " cells"]) -> sight.Order | None:
        if self.window is None:
            return None
        fixed = torch.arange(self.fixed, device=numbers.device)
        keys = torch.cat([fixed, self.fixed + numbers.clamp(min=0)])
        return sight.near(self.targets[:, queries], self.places[:, keys], self.window)

    def _behind(
        self, opening: Float[Tensor, "items opening 2"], cells: Float[Tensor, "1 cells 2"]
    ) -> Float[Tensor, "items tokens 2"]:
        """Places of cells behind those of the opening."""
        return torch.cat([opening, cells.expand(len(opening), -1, -1)], 1)
