"""The prefix: conditions of any subset of the modalities as tokens that stand before the picture's.

Tokens and vectors stand nowhere. Maps become one token for each cell, in the place of that cell, and add up where
several are given. An absent condition is no token at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition, Layout
from misen.core.errors import LimitError
from misen.core.port import Port
from misen.core.shapes import Counted, Flags, Maps, Tokens
from misen.generators.autoregressive.tokens import Grid
from misen.nn.fusion.concat import MapEntrance
from misen.nn.fusion.cross_attention import TokensEntrance
from misen.nn.transformer.places import Places, grid_places, nowhere

Conditions = Mapping[str, Condition]
"""By port name."""
HIDDEN = 64
"""Width of the layers through which maps enter."""


@dataclass(frozen=True)
class PortSettings:
    """A line of a model's table of ports.

    Attributes:
        name: the modality it serves.
        layout: shape of the conditions.
        width: D of the conditions.
    """

    name: str
    layout: Layout
    width: int

    def port(self) -> Port:
        """The port that a planner sees."""
        return Port(self.layout, self.width, frozenset({self.name}))


@dataclass(frozen=True)
class Sequences:
    """One sequence of tokens per item.

    Attributes:
        tokens: of all items.
        counted: which of them are there.
        places: where they stand, the same for all items or of each.
    """

    tokens: Tokens
    counted: Counted
    places: Places

    @property
    def length(self) -> int:
        """Tokens per item, those that do not count among them."""
        return self.tokens.shape[1]

    def padded(self, length: int) -> Sequences:
        """With tokens that do not count behind, up to ``length`` of them."""
        missing = length - self.length
        return Sequences(
            functional.pad(self.tokens, (0, 0, 0, missing)),
            functional.pad(self.counted, (0, missing)),
            functional.pad(self.places, (0, 0, 0, missing), value=torch.nan),
        )

    def packed(self) -> Sequences:
        """The tokens that count at the left of each item, and as few as possible that do not."""
        counted, order = self.counted.int().sort(dim=1, descending=True, stable=True)
        order = order[:, : int(counted.sum(1).max())]
        tokens = self.tokens.gather(1, order[..., None].expand(-1, -1, self.tokens.shape[2]))
        places = self.places.expand(len(order), -1, -1).gather(1, order[..., None].expand(-1, -1, 2))
        return Sequences(tokens, counted[:, : order.shape[1]].bool(), places)


def joined(parts: Sequence[Sequences]) -> Sequences:
    """Sequences one after another; those of a batch of one stand in every item."""
    batch = max(len(part.tokens) for part in parts)
    shared = all(len(part.places) == 1 for part in parts)
    return Sequences(
        torch.cat([part.tokens.expand(batch, -1, -1) for part in parts], 1),
        torch.cat([part.counted.expand(batch, -1) for part in parts], 1),
        torch.cat([part.places.expand(1 if shared else batch, -1, -1) for part in parts], 1),
    )


def stacked(parts: Sequence[Sequences]) -> Sequences:
    """The items of several batches, whose places are the same for all items, in one."""
    longest = max(part.length for part in parts)
    parts = [part.padded(longest) for part in parts]
    tokens, counted = (torch.cat(some) for some in ([p.tokens for p in parts], [p.counted for p in parts]))
    places = torch.cat([part.places.expand(len(part.tokens), -1, -1) for part in parts])
    return Sequences(tokens, counted, places)


BUILDERS: Mapping[Layout, Callable[[PortSettings, int, int], nn.Module]] = {
    "tokens": lambda port, width, stride: TokensEntrance(port.width, width),
    "vector": lambda port, width, stride: TokensEntrance(port.width, width),
    "map": lambda port, width, stride: MapEntrance(port.width, width, stride, HIDDEN),
}


class Prefix(nn.Module):
    """Conditions to tokens.

    Args:
        table: of the ports.
        width: of the tokens.
        stride: pixels per cell, along each side.
        context: tokens of all conditions together that may be given at once.
    """

    def __init__(self, table: Sequence[PortSettings], width: int, stride: int, context: int) -> None:
        super().__init__()
        self.table, self.width, self.stride, self.context = tuple(table), width, stride, context
        self.entrances = nn.ModuleDict({port.name: BUILDERS[port.layout](port, width, stride) for port in table})
        self.cell = nn.Parameter(0.02 * torch.randn(width))

    def forward(self, conditions: Conditions, batch: int, grid: Grid, spots: Tokens) -> Sequences:
        """The tokens of conditions of ``batch`` items, none where none are given.

        Args:
            conditions: by port.
            batch: of the pictures.
            grid: of the pictures.
            spots: (1, h w, D) what tells the cells of the grid apart.

        Raises:
            LimitError: there are more tokens than the context has room for.
        """
        parts = [*self._loose(conditions), *self._cells(conditions, grid, spots)]
        length = sum(part.length for part in parts)
        if length > self.context:
            hint = "give fewer guidances, or shorter ones"
            message = f"the guidances have {length} tokens, and this model reads up to {self.context}"
            raise LimitError(message, field="guidance", hint=hint)
        return joined([self._nothing(batch, spots), *parts])

    def lengths(self, conditions: Conditions, batch: int, grid: Grid) -> Int[Tensor, " {batch}"]:
        """How many tokens of each item count."""
        total = torch.zeros(batch, dtype=torch.long)
        for layout in ("vector", "tokens"):
            for _, condition in self._given(layout, conditions):
                total = total + _counted(condition).sum(1).cpu()
        for shown in _any([condition.present for _, condition in self._given("map", conditions)]):
            total = total + grid[0] * grid[1] * shown.cpu()
        return total

    def _nothing(self, batch: int, like: Tensor) -> Sequences:
        """No token for any item."""
        none = torch.ones(batch, 0, dtype=torch.bool, device=like.device)
        return Sequences(like.new_zeros(batch, 0, self.width), none, nowhere(0).to(like.device))

    def _loose(self, conditions: Conditions) -> Iterator[Sequences]:
        """The tokens that stand nowhere."""
        for layout in ("vector", "tokens"):
            for name, condition in self._given(layout, conditions):
                value = condition.value if layout == "tokens" else condition.value[:, None]
                tokens: Tensor = self.entrances[name](value)
                yield Sequences(tokens, _counted(condition), nowhere(tokens.shape[1]).to(tokens.device))

    def _cells(self, conditions: Conditions, grid: Grid, spots: Tokens) -> Iterator[Sequences]:
        """One token for each cell, if there are any maps."""
        given = self._given("map", conditions)
        for shown in _any([condition.present for _, condition in given]):
            field = torch.stack([self._added(name, condition, grid) for name, condition in given]).sum(0)
            tokens = field.flatten(2).mT + self.cell + spots
            counted = shown[:, None].expand(-1, tokens.shape[1])
            yield Sequences(tokens, counted, grid_places(*grid).to(tokens.device))

    def _added(self, name: str, condition: Condition, grid: Grid) -> Maps:
        """What a map adds to the cells (B, D, h, w), computed for the items that have it; nothing for the others."""
        rows = condition.present.nonzero().squeeze(1)
        added: Tensor = self.entrances[name](self._fitted(condition.value[rows], grid))
        return added.new_zeros(len(condition), *added.shape[1:]).index_copy(0, rows, added)

    def _fitted(self, value: Maps, grid: Grid) -> Float[Tensor, "batch channels _height _width"]:
        """A map at ``stride`` pixels per cell."""
        height, width = (self.stride * side for side in grid)
        if value.shape[-2:] == (height, width):
            return value
        return functional.interpolate(value, (height, width), mode="bilinear", antialias=True)

    def _given(self, layout: Layout, conditions: Conditions) -> list[tuple[str, Condition]]:
        """The conditions of a layout that at least one item has, in the order of the table."""
        names = [port.name for port in self.table if port.layout == layout]
        return [(name, conditions[name]) for name in names if name in conditions and conditions[name].present.any()]


def _counted(condition: Condition) -> Counted:
    """(B, L): which tokens of a condition are there; a vector is one."""
    if condition.mask is not None:
        return condition.mask & condition.present[:, None]
    length = condition.value.shape[1] if condition.layout == "tokens" else 1
    return condition.present[:, None].expand(-1, length)


def _any(flags: Sequence[Flags]) -> list[Flags]:
    """Which items have any of several conditions, in a list that is empty where there are none."""
    return [torch.stack([*flags]).any(0)] if flags else []
