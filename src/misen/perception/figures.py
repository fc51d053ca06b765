"""Figures with their intervals: a statistic of n items and the bootstrap's 95 % around it.

Source: Efron 1979 (bootstrap methods), percentile interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from misen.core.shapes import PerItem, Scalar

RESAMPLES = 500


@dataclass(frozen=True)
class Figure:
    """A measured value.

    Attributes:
        value: the statistic of all items.
        low: lower end of its 95 % interval.
        high: upper end.
        n: items.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] n={self.n}"


def bootstrapped(statistic: Callable[[Tensor], Scalar], n: int) -> Figure:
    """``statistic`` of item indices (n,), and its spread over resamples of the items."""
    draws = torch.Generator().manual_seed(0)
    values = torch.stack([statistic(torch.randint(n, (n,), generator=draws)) for _ in range(RESAMPLES)])
    low, high = torch.nanquantile(values.double(), torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Figure(float(statistic(torch.arange(n))), low, high, n)


def ratio(part: Shaped[Tensor, "items columns"], whole: Shaped[Tensor, "items columns"]) -> Figure:
    """Mean over K columns of sum(part) / sum(whole) over items, both (N, K); columns without a whole do not count."""
    part, whole = part.double(), whole.double()
    return bootstrapped(lambda items: (part[items].sum(dim=0) / whole[items].sum(dim=0)).nanmean(), len(part))


def mean(values: PerItem) -> Figure:
    """Mean of (N,) values."""
    return ratio(values[:, None], torch.ones_like(values[:, None]))


def correlation(first: PerItem, second: PerItem) -> Figure:
    """Pearson correlation of (N,) and (N,)."""
    both = torch.stack([first.double(), second.double()])
    return bootstrapped(lambda items: torch.corrcoef(both[:, items])[0, 1], len(first))
