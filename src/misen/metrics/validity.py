"""Whether a metric can be trusted: it must put the levels of a known corruption in order.

Source: the disturbance test of Heusel et al. 2017 (arXiv:1706.08500), figure 3.
"""

from __future__ import annotations

from collections.abc import Callable

from scipy.stats import spearmanr
from torch import Tensor

from misen.metrics.corruption import Ladder
from misen.scene.record import Record

BAR = 0.9
"""Smallest Spearman correlation, in size, of a metric with the level of corruption."""


def climb(measure: Callable[[Tensor], float], ladder: Ladder, record: Record) -> list[float]:
    """The measure of the pictures of ``record`` at each level of the ladder."""
    return [measure(ladder.corrupt(record, level)) for level in ladder.levels]


def order(values: list[float], ladder: Ladder) -> float:
    """Spearman correlation of values and levels: 1 = rises at each level, -1 = falls at each."""
    return float(spearmanr(ladder.levels, values).statistic)
