"""Which avatars may be seen by whom: seed ranges that do not meet, and pairs of values that training A never shows.

Five ranges of seeds, and in three of them a rule about *held-out combinations*:

=============  ==========================  ==================  ================================================
split          who uses it                 combinations        element ``k``
=============  ==========================  ==================  ================================================
TRAIN_A        generators, observer A,     never held-out      first fitting seed of slot ``k`` of 32 seeds
               joint embedding A
TRAIN_B        observer B, joint           all                 seed ``k`` of the range
               embedding B
VALIDATION     curves during training      never held-out      first fitting seed of slot ``k`` of 32 seeds
TEST           ``misen evaluate --seed``   all                 seed ``k`` of the range
COMPOSITION    compositional test          at least one        first fitting seed of slot ``k`` of 512 seeds
=============  ==========================  ==================  ================================================

A held-out combination is a pair of values of two attributes: a mohawk with square glasses, a beard with earrings, and
others chosen by a hash of their names. Every value by itself is seen in training. Elements are found slot by slot,
so element ``k`` is the same however many are asked for, and no loop has to count from the start of the range.
Scene graphs have held-out pairs of their own, of triples never told together: ``graph.HELD_OUT``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import Literal

import torch
from torch import Tensor

from misen.core.errors import LimitError
from misen.scene.attributes import BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH
from misen.scene.record import Record
from misen.scene.sampling import sample

SALIENT = (
    "hair_style", "hair_color", "glasses", "hat", "facial_hair", "earrings", "expression", "shirt_color", "background",
)  # fmt: skip
"""Attributes whose values are combined; "none" is never part of a held-out pair."""
NAMED = ((("hair_style", "mohawk"), ("glasses", "square")), (("facial_hair", "beard"), ("earrings", "yes")))
"""Pairs that are held out whatever the hash says."""
HASHED_SHARE = 0.006
"""Share of all pairs that the hash holds out; about one avatar in seven then has a held-out pair."""
SALT = "misen-23"
"""Part of what is hashed."""

Value = tuple[str, str]


@dataclass(frozen=True)
class Split:
    """A range of seeds and what is admitted of it.

    Attributes:
        name: As in cards.
        first: First seed.
        stop: One past the last seed.
        combinations: ``"all"`` admits every avatar, ``"seen"`` those without a held-out pair, ``"held out"`` the rest.
        slot: Seeds reserved for each element, of which the first admitted one is taken.
    """

    name: str
    first: int
    stop: int
    combinations: Literal["all", "seen", "held out"]
    slot: int = 1

    def __len__(self) -> int:
        return (self.stop - self.first) // self.slot

    def seeds(self, start: int, count: int) -> Tensor:
        """(count,) int64 seeds of elements ``start`` ... ``start + count - 1``.

        Raises:
            LimitError: The split has fewer elements.
        """
        if start < 0 or start + count > len(self):
            raise LimitError(f"split {self.name} has {len(self):,} elements; asked for {start:,} to {start + count:,}")
        seeds = self.first + self.slot * torch.arange(start, start + count)
        if self.combinations == "all":
            return seeds
        pending = torch.arange(count)
        while len(pending := pending[~self.admits(sample(seeds[pending]).attributes)]):
            seeds[pending] += 1
        return seeds

    def records(self, start: int, count: int) -> Record:
        """The avatars of :meth:`seeds`."""
        return sample(self.seeds(start, count))

    def holds(self, seeds: Tensor) -> Tensor:
        """(B,) bool: which seeds (B,) lie in the range."""
        return (seeds >= self.first) & (seeds < self.stop)

    def admits(self, attributes: Tensor) -> Tensor:
        """(B,) bool: which avatars with these (B, 16) value indices may be in the split."""
        if self.combinations == "all":
            return torch.ones(attributes.shape[0], dtype=torch.bool, device=attributes.device)
        return held_out(attributes) == (self.combinations == "held out")


TRAIN_A = Split("train-a", 0, 1 << 30, "seen", slot=32)
TRAIN_B = Split("train-b", 1 << 30, 3 << 29, "all")
VALIDATION = Split("validation", 3 << 29, 13 << 27, "seen", slot=32)
TEST = Split("test", 13 << 27, 14 << 27, "all")
COMPOSITION = Split("composition", 14 << 27, 1 << 31, "held out", slot=512)
SPLITS = (TRAIN_A, TRAIN_B, VALIDATION, TEST, COMPOSITION)


def _pairs() -> Iterator[tuple[Value, Value]]:
    values = [(key, value) for key in SALIENT for value in BY_KEY[key].values if value != "none"]
    return ((a, b) for a, b in combinations(values, 2) if a[0] != b[0])


def _fraction(pair: tuple[Value, Value]) -> float:
    """A fixed number in [0, 1) for each pair."""
    digest = sha256(f"{SALT}/{pair}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


HELD_OUT: tuple[tuple[Value, Value], ...] = tuple(
    pair for pair in _pairs() if pair in NAMED or _fraction(pair) < HASHED_SHARE
)
"""The pairs that no avatar of TRAIN_A or VALIDATION has, and every avatar of COMPOSITION has one of."""


def _forbidden() -> Tensor:
    """(W, W) symmetric, 1 where two one-hot positions form a held-out pair."""
    table = torch.zeros(ONE_HOT_WIDTH, ONE_HOT_WIDTH)
    for pair in HELD_OUT:
        first, second = (OFFSETS[COLUMN[key]] + BY_KEY[key].index(value) for key, value in pair)
        table[first, second] = table[second, first] = 1
    return table


_FORBIDDEN = _forbidden()


def held_out(attributes: Tensor) -> Tensor:
    """Which avatars contain a held-out combination.

    Args:
        attributes: (B, 16) int64 value indices.

    Returns:
        (B,) bool.
    """
    positions = attributes + torch.tensor(OFFSETS, device=attributes.device)
    chosen = torch.zeros(attributes.shape[0], ONE_HOT_WIDTH, device=attributes.device).scatter_(1, positions, 1)
    return ((chosen @ _FORBIDDEN.to(attributes.device)) * chosen).any(dim=1)

