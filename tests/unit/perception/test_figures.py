from __future__ import annotations

import pytest
import torch

from misen.perception.figures import correlation, mean, ratio


def test_the_interval_of_a_mean_is_that_of_the_normal_law():
    values = torch.randn(2000, generator=torch.Generator().manual_seed(1))
    figure = mean(values)
    assert figure.value == pytest.approx(values.mean().item())
    assert figure.high - figure.low == pytest.approx(2 * 1.96 / 2000**0.5, rel=0.15)
    assert figure.low < figure.value < figure.high
    assert figure.n == 2000


def test_a_ratio_sums_before_it_divides_and_skips_what_never_occurs():
    part = torch.tensor([[1, 0, 0], [3, 1, 0]])
    whole = torch.tensor([[4, 2, 0], [4, 2, 0]])
    assert ratio(part, whole).value == pytest.approx((0.5 + 0.25) / 2)


def test_correlation_ignores_scale():
    values = torch.arange(50.0)
    assert correlation(values, 3 - 2 * values).value == pytest.approx(-1)
