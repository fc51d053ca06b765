from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import spearmanr

from misen.metrics.trend import ranks, trend


def test_what_rises_on_average_rises() -> None:
    noise = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    rising = trend(noise + torch.arange(5))
    assert (rising.value, rising.low, rising.high, rising.n) == pytest.approx((1, 1, 1, 200))
    assert trend(-noise - torch.arange(5)).value == pytest.approx(-1)


def test_a_trend_that_noise_hides_is_uncertain() -> None:
    uncertain = trend(torch.randn(20, 4, generator=torch.Generator().manual_seed(1)))
    assert uncertain.high - uncertain.low > 0.5


def test_what_never_changes_has_no_trend() -> None:
    assert math.isnan(trend(torch.ones(3, 4)).value)


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0, 2.0], [1.0, 1.0, 5.0, 4.0]])
def test_ties_are_as_elsewhere(values: list[float]) -> None:
    means = torch.tensor(values)
    assert trend(means.expand(2, -1)).value == pytest.approx(spearmanr(range(4), values).statistic)
    assert ranks(means).sum() == 8
