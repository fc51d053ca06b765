"""Intervals of statistics that are biased by the number of items, as distances between distributions are.

Source: Efron 1979 (bootstrap methods); deviation: the resamples are centred on the statistic, since drawing with
replacement repeats the small-sample bias and would move the whole interval.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from misen.perception.figures import Figure

RESAMPLES = 200


def centred(statistic: Callable[[Tensor], float], n: int) -> Figure:
    """``statistic`` of item indices (n,), with the spread of its resamples around it."""
    draws = torch.Generator().manual_seed(0)
    value = statistic(torch.arange(n))
    resampled = [statistic(torch.randint(n, (n,), generator=draws)) for _ in range(RESAMPLES)]
    spread = torch.tensor(resampled, dtype=torch.float64)
    low, high = torch.quantile(spread - spread.mean(), torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Figure(value, value + low, value + high, n)
