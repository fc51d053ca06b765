"""Kernel distance: equal to torchmetrics, unbiased, and an interval that covers."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.kid import kernel_distance, kid, kid_interval


def test_equals_torchmetrics(real, fake, golden) -> None:
    assert kernel_distance(real[:180], fake) == pytest.approx(golden["kid_180"], rel=1e-9)


def test_one_subset_of_everything_is_the_whole_estimate(real, fake) -> None:
    mean, deviation = kid(real[:180], fake, subsets=2)
    assert mean == pytest.approx(kernel_distance(real[:180], fake), rel=1e-12)
    assert deviation == pytest.approx(0, abs=1e-12)


def test_is_unbiased_for_equal_distributions() -> None:
    draws = torch.Generator().manual_seed(0)
    values = [
        kernel_distance(torch.randn(30, 4, generator=draws), torch.randn(30, 4, generator=draws)) for _ in range(300)
    ]
    spread = torch.tensor(values)
    assert abs(spread.mean()) < 3 * spread.std() / 300**0.5


def test_the_interval_is_around_the_estimate(real, fake) -> None:
    figure = kid_interval(real, fake)
    assert figure.value == pytest.approx(kernel_distance(real[:180], fake), rel=1e-9)
    assert figure.low < figure.value < figure.high
