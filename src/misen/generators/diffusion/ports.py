"""The ports of the denoiser: small networks beside a stock U-Net, through which conditions enter.

A map adds to the first features, a vector to the embedding of time, tokens to the sequence of cross-attention. Every
port has an exact null: an absent condition adds nothing, whatever its value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition, Layout
from misen.core.port import Port
from misen.core.shapes import Counted, Flags, Maps, Points, Tokens, Vectors
from misen.nn.fusion.concat import MapEntrance
from misen.nn.fusion.cross_attention import TokensEntrance
from misen.nn.fusion.modulation import VectorEntrance
from misen.nn.fusion.prefix import Sequenced, chain


@dataclass(frozen=True)
class PortSettings:
    """A line of a model's table of ports.

    Attributes:
        name: the modality it serves.
        layout: shape of the conditions.
        width: D of the conditions.
        length: tokens of the sequence that diffusers' own pipeline feeds to the U-Net; 0 for all other ports. That
            sequence enters as it is, and its null is what the pipeline feeds for an empty prompt.
        hidden: width of a layer between tokens and the sequence that they join; 0 for none.
    """

    name: str
    layout: Layout
    width: int
    length: int = 0
    hidden: int = 0

    def port(self) -> Port:
        """The port that a planner sees."""
        return Port(self.layout, self.width, frozenset({self.name}))


@dataclass(frozen=True)
class Grid:
    """The sizes inside the U-Net that ports must meet.

    Attributes:
        channels: of the first features.
        embedding: width of the embedding of time.
        tokens: width of the sequence of cross-attention.
        stride: pixels per latent cell, along each side.
    """

    channels: int
    embedding: int
    tokens: int
    stride: int


class StockTokens(nn.Module):
    """The sequence the stock pipeline feeds: nothing is learned here."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("null", torch.zeros(length, width))
        self.null: Tensor

    def forward(self, condition: Condition) -> Sequenced:
        """Every token counts, padding too; absent items read the null sequence, as often as the others' are joined."""
        null = self.null.repeat(condition.value.shape[1] // len(self.null), 1)
        tokens = torch.where(condition.present[:, None, None], condition.value, null)
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)

    def absent(self, batch: int) -> Sequenced:
        """The null sequence for a whole batch."""
        tokens = self.null.expand(batch, -1, -1)
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)


BUILDERS: Mapping[Layout, Callable[[PortSettings, Grid], nn.Module]] = {
    "map": lambda port, grid: MapEntrance(port.width, grid.channels, grid.stride),
    "vector": lambda port, grid: VectorEntrance(port.width, grid.embedding),
    "tokens": lambda port, grid: TokensEntrance(port.width, grid.tokens, port.hidden),
}


class Ports(nn.Module):
    """All ports of a denoiser, one of them stock unless there is none; conditions of any subset may be given."""

    def __init__(self, table: Sequence[PortSettings], grid: Grid) -> None:
        super().__init__()
        self.table, self.grid = tuple(table), grid
        for port in (port for port in table if port.length):
            self.stock_name, self.stock = port.name, StockTokens(port.length, port.width)
        learned = [port for port in table if not port.length]
        self.entrances = nn.ModuleDict({port.name: BUILDERS[port.layout](port, grid) for port in learned})

    def null(self, batch: int) -> Mapping[str, Condition]:
        """The sequence (B, L, D) that the stock pipeline feeds for an empty prompt, by its port, if there is one."""
        names = [port.name for port in self.table if port.length]
        return {name: Condition.full("tokens", self.stock.null.repeat(batch, 1, 1)) for name in names}

    def features(self, conditions: Mapping[str, Condition], first: Maps) -> Maps:
        """First features (B, C, h, w) with what the maps add."""
        for name, condition in self._given("map", conditions):
            value = self._fitted(condition.value, first)
            first = first + self._added(name, value, condition.present)
        return first

    def _fitted(self, value: Maps, first: Float[Tensor, "batch features h w"]) -> Maps:
        """A map at ``stride`` pixels per cell of the first features."""
        height, width = (self.grid.stride * side for side in first.shape[-2:])
        if value.shape[-2:] == (height, width):
            return value
        return functional.interpolate(value, (height, width), mode="bilinear", antialias=True)

    def embedding(self, conditions: Mapping[str, Condition], time: Vectors) -> Vectors:
        """Embedding of time (B, E) with what the vectors add."""
        for name, condition in self._given("vector", conditions):
            time = time + self._added(name, condition.value, condition.present)
        return time

    def sequence(self, conditions: Mapping[str, Condition], batch: int) -> tuple[Tokens, Counted | None]:
        """Tokens (B, L, D) of cross-attention, and their mask (B, L) unless all count."""
        stock = conditions.get(self.stock_name)
        sequences = [self.stock.absent(batch) if stock is None else self.stock(stock)]
        for name, condition in self._given("tokens", conditions):
            mask = torch.ones(condition.value.shape[:2], dtype=torch.bool) if condition.mask is None else condition.mask
            sequences.append((self.entrances[name](condition.value), mask & condition.present[:, None]))
        tokens, mask = chain(sequences)
        return tokens, mask if len(sequences) > 1 else None

    def _given(self, layout: Layout, conditions: Mapping[str, Condition]) -> list[tuple[str, Condition]]:
        """The conditions of a layout that at least one item has, in the order of the table."""
        names = [port.name for port in self.table if port.layout == layout and not port.length]
        return [(name, conditions[name]) for name in names if name in conditions and conditions[name].present.any()]

    def _added(self, name: str, value: Vectors | Maps, present: Flags) -> Points:
        """What a port adds, computed for the items that have its condition; nothing for the others."""
        rows = present.nonzero().squeeze(1)
        added: Tensor = self.entrances[name](value[rows])
        return added.new_zeros(len(present), *added.shape[1:]).index_copy(0, rows, added)
