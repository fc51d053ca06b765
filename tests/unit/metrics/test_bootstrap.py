"""Centred intervals: they lie around the statistic even where resampling moves it."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.bootstrap import centred


def test_agrees_with_theory_for_a_mean() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0)).double()
    figure = centred(lambda items: float(values[items].mean()), 1000)
    width = 2 * 1.96 * float(values.std()) / 1000**0.5
    assert figure.high - figure.low == pytest.approx(width, rel=0.2)


def test_a_statistic_that_resampling_moves_stays_inside() -> None:
    values = torch.arange(100)
    figure = centred(lambda items: float(len(values[items].unique())), 100)
    assert figure.value == 100
    assert figure.low < 100 < figure.high
