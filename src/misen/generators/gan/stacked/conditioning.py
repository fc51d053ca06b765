"""What a picture is asked to show, from whichever ports are given: a sequence of words, and one sentence.

Each port has a fixed number of rows in the sequence. A row that says nothing is zero, so an absent port, the null
condition and a token that does not count are the same thing, and sequences add up like vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.port import Port
from misen.core.shapes import Tokens, Vectors
from misen.nn.fusion.cross_attention import TokensEntrance


@dataclass(frozen=True)
class WordsPort:
    """A line of a model's table of ports.

    Attributes:
        name: the modality it serves.
        width: D of its tokens.
        length: tokens of one signal.
    """

    name: str
    width: int
    length: int

    def port(self) -> Port:
        """The port that a planner sees."""
        return Port("tokens", self.width, frozenset({self.name}))


class Conditioning(nn.Module):
    """All ports of a network; conditions of any subset of them may be given.

    Attributes:
        length: rows of the sequence.
    """

    def __init__(self, table: Sequence[WordsPort], width: int) -> None:
        """``width`` is that of a row, and of the sentence."""
        super().__init__()
        self.table, self.width = tuple(table), width
        self.length = sum(port.length for port in table)
        self.entrances = nn.ModuleDict({port.name: TokensEntrance(port.width, width) for port in table})
        self.weigh = nn.Linear(width, 1, bias=False)

    def words(self, conditions: Mapping[str, Condition], batch: int) -> Float[Tensor, "batch length width"]:
        """(B, length, width): the rows of every port, zero where nothing is said."""
        rows = [self._rows(port, conditions.get(port.name), batch) for port in self.table]
        return torch.cat([self._silence(batch, 0), *rows], dim=1)

    def sentence(self, words: Tokens) -> Vectors:
        """(B, length, width) -> (B, width): the mean of the rows by what each has to say; zero of nothing.

        Silence has a share too, that of a row with nothing to say, so that few words weigh less than many.
        """
        loudness = self.weigh(words).squeeze(2).masked_fill((words == 0).all(dim=2), float("-inf"))
        shares = torch.cat([loudness, torch.zeros_like(loudness[:, :1])], dim=1).softmax(dim=1)
        return torch.einsum("bl,bld->bd", shares[:, :-1], words)

    def _rows(self, port: WordsPort, condition: Condition | None, batch: int) -> Tokens:
        """Of several signals, one after another, a row is the mean."""
        if condition is None:
            return self._silence(batch, port.length)
        counted = condition.present[:, None].expand(condition.value.shape[:2])
        if condition.mask is not None:
            counted = counted & condition.mask
        rows = self.entrances[port.name](condition.value) * counted[..., None]
        several, counts = rows.unflatten(1, (-1, port.length)), counted.unflatten(1, (-1, port.length)).sum(dim=1)
        mean: Tensor = several.sum(dim=1) / counts.clamp(min=1)[..., None]
        return mean

    def _silence(self, batch: int, length: int) -> Tokens:
        return self.weigh.weight.new_zeros(batch, length, self.width)
