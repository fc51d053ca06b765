"""Trends: whether a figure rises or falls along a curve, whatever its shape.

Source: Spearman 1904 (the proof and measurement of association between two things); ties share the mean of their ranks.
"""

from __future__ import annotations

import torch
from torch import Tensor

from misen.perception.figures import Figure, bootstrapped


def trend(values: Tensor) -> Figure:
    """Rank correlation of the means over N items of values (N, P) with the order of P points; resamples the items.

    1 = the mean rises at each point, -1 = it falls at each; NaN where it is the same at all.
    """
    order = torch.arange(values.shape[1], dtype=torch.float64)

    def statistic(items: Tensor) -> Tensor:
        means = values[items].double().nanmean(dim=0)
        return torch.corrcoef(torch.stack([order, ranks(means)]))[0, 1]

    return bootstrapped(statistic, len(values))


def ranks(values: Tensor) -> Tensor:
    """(P,) how many of P values are smaller, an equal one counting half."""
    return (values[:, None] > values).double().sum(1) + 0.5 * (values[:, None] == values).double().sum(1)
