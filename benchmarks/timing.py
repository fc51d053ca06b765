"""Wall times of several ways side by side: interleaved after a warm-up, and as medians with their intervals."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from misen.metrics.rows import Work
from misen.perception.figures import Figure, bootstrapped


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: times each way is taken.
        warmups: times before that.
        size: fraction of the usual amount of work.
        pictures: by which quality is measured, where it is.
        journals: folder in which long benchmarks keep what they measured, and go on from it; none is kept if left out.
    """

    rounds: int = 7
    warmups: int = 2
    size: float = 1.0
    pictures: int = 500
    journals: Path | None = None

    def of(self, amount: int) -> int:
        """``amount`` of work, scaled; at least 2."""
        return max(2, round(self.size * amount))

    def work(self, name: str) -> Work:
        """How a long benchmark goes through its items."""
        return Work(journal=None if self.journals is None else self.journals / f"{name}.jsonl")


QUICK = Effort(rounds=2, warmups=0, size=0.02, pictures=2)
"""Whether everything runs, not how fast."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``bar`` is what was asked for, in words."""

    name: str
    figure: Figure
    unit: str
    bar: str = ""


def seconds(effort: Effort, *ways: Callable[[], object]) -> Tensor:
    """(W, R) wall seconds of W ways, taken in turn R times."""
    for _ in range(effort.warmups):
        for way in ways:
            way()
    return torch.tensor([[_timed(way) for way in ways] for _ in range(effort.rounds)], dtype=torch.float64).T


def _timed(way: Callable[[], object]) -> float:
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


def median(values: Tensor) -> Figure:
    """Median of (R,) values; for a ratio, divide two rows of ``seconds`` first, so that it is paired by round."""
    return bootstrapped(lambda rounds: values[rounds].quantile(0.5), len(values))


def exactly(value: float) -> Figure:
    """A figure that is counted."""
    return Figure(value, value, value, 1)


def overlap(first: Figure, second: Figure) -> Figure:
    """1 if two intervals overlap, else 0."""
    return exactly(float(first.low <= second.high and second.low <= first.high))
