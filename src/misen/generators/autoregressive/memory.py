"""What the raster network remembers of sequences while they grow, so that each token is read once.

It changes no answer: what was read otherwise, or under other conditions, is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.condition import Condition
from misen.generators.autoregressive.prefix import Conditions
from misen.generators.autoregressive.raster import RasterNetwork
from misen.generators.autoregressive.tokens import Grid, Row
from misen.nn.transformer.sight import Bias

NextScores = Float[Tensor, "_answers codes"]
"""Logits of the next token."""


class Reading:
    """Sequences under several sets of conditions, as far as they were read.

    Args:
        network: reads.
        asked: sets of conditions; the sequences of one set stand behind those of another.
        batch: sequences of each set.
        grid: of the pictures.
    """

    def __init__(self, network: RasterNetwork, asked: Sequence[Conditions], batch: int, grid: Grid) -> None:
        self.network, self.asked, self.extent = network, asked, (batch, grid)
        self.course = network.course(asked, batch, grid)
        opening = self.course.opening.tokens
        self.spots = network.spots(grid)
        self.cache = network.transformer.reserve(opening, self.course.fixed, self.course.remembered)
        self._tokens: Row | None = None

    def suits(self, network: RasterNetwork, asked: Sequence[Conditions], batch: int, grid: Grid) -> bool:
        """Whether it was read by this network, of as many pictures of this size, under these conditions."""
        return self.network is network and self.extent == (batch, grid) and same(self.asked, asked)

    def scores(self, tokens: Row) -> NextScores:
        """The logits of what follows tokens (B, n), one set of conditions after another."""
        begun, self._tokens = self._kept(tokens), tokens
        for part in self._parts(begun, tokens.shape[1]):
            last = self._read(tokens, part)
        return self.network.scores(last[:, -1:])[:, 0]

    def _kept(self, tokens: Row) -> int:
        """How many of these tokens need not be read again; -1 if the opening has to be, too.

        The last one is always read, as what comes of it is asked for.
        """
        old, wanted = self._tokens, tokens.shape[1] - 1
        if old is None:
            return -1
        common = min(old.shape[1], wanted)
        differing = (old[:, : max(common, 0)] != tokens[:, : max(common, 0)]).any(0).nonzero()
        kept = int(differing[0]) if len(differing) else common
        overwritten = old.shape[1] > self.cache.turning and kept < old.shape[1] - 1
        return -1 if overwritten else kept

    def _parts(self, begun: int, count: int) -> Iterator[slice]:
        """What is read at once, as parts of the sequence: as much as leaves everything in the cache that is seen."""
        fixed, room = self.course.fixed, self.cache.turning
        first = 0 if begun < 0 else fixed + begun
        full = max(first, fixed + min(count, room))
        if full > first:
            yield slice(first, full)
        for index in range(full, fixed + count):
            yield slice(index, index + 1)

    def _read(self, tokens: Row, part: slice) -> Float[Tensor, "_answers length features"]:
        """What comes of a part of the sequence; it is remembered."""
        course, fixed = self.course, self.course.fixed
        begun, end = max(part.start - fixed, 0), part.stop - fixed
        fresh = tokens[:, begun:end].repeat(len(self.asked), 1)
        x = self.network.contents(fresh, begun, self.spots)
        if part.start == 0:
            x = torch.cat([course.opening.tokens, x], 1)
        page = self.cache.opened(part.start, x.shape[1])
        done: Tensor = self.network.transformer(x, course.turns[..., part, :], self._bias(part, page.end - fixed), page)
        return done

    def _bias(self, part: slice, cells: int) -> Bias | None:
        """What a part may look at when so many cells of the cache hold something."""
        if self.course.window is None and part.stop - part.start == 1:
            return self.course.last(cells)
        newest = part.stop - self.course.fixed - 1
        return self.course.bias(part, self.cache.numbers(newest)[:cells])


class Memory:
    """The readings of one walk."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []

    @torch.no_grad()
    def scores(self, network: RasterNetwork, asked: Sequence[Conditions], tokens: Row, grid: Grid) -> NextScores:
        """The logits of what follows tokens (B, n) under each of several sets of conditions, (S * B, K)."""
        for reading in self._readings:
            if reading.suits(network, asked, len(tokens), grid):
                return reading.scores(tokens)
        self._readings.append(Reading(network, asked, len(tokens), grid))
        return self._readings[-1].scores(tokens)


def same(first: Sequence[Conditions], second: Sequence[Conditions]) -> bool:
    """Whether sets of conditions say the same."""
    return len(first) == len(second) and all(
        one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
        for one, other in zip(first, second, strict=True)
    )


def _alike(first: Condition, second: Condition) -> bool:
    if first is second:
        return True
    return (
        torch.equal(first.value, second.value)
        and torch.equal(first.present, second.present)
        and (first.mask is None) == (second.mask is None)
        and (first.mask is None or second.mask is None or torch.equal(first.mask, second.mask))
    )
