"""Adherence: truth scores one, strangers zero, and intervals cover what they should."""

from __future__ import annotations

import pytest
import torch

from misen.metrics.alignment import Trial, adherence, derangement, examine, loss


class Brightness:
    """Scores how near a picture's mean is to the wish."""

    metric, unit, higher_is_better = "error", "", False

    def score(self, images: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
        return (images.mean((1, 2, 3)) - signal).abs()


def trial(error: float, count: int = 400) -> Trial:
    """Pictures that miss their wishes by some noise, scored where lower is better."""
    draws = torch.Generator().manual_seed(0)
    wished = torch.randn(count, generator=draws)
    truth = wished[:, None, None, None] + 0.02 * torch.randn(count, 1, 1, 1, generator=draws)
    made = truth + error * torch.randn(count, 1, 1, 1, generator=draws)
    return examine(Brightness(), wished, made, truth)


def test_truth_scores_one_and_strangers_zero() -> None:
    assert adherence(trial(0.0)).value == pytest.approx(1)
    draws = torch.Generator().manual_seed(1)
    truth = torch.randn(400, generator=draws)
    strangers = examine(Brightness(), truth, truth.roll(1)[:, None, None, None], truth[:, None, None, None])
    figure = adherence(strangers)
    assert figure.low < 0 < figure.high


def test_the_score_falls_with_the_error() -> None:
    values = [adherence(trial(error)).value for error in (0.0, 0.2, 0.6)]
    assert values == sorted(values, reverse=True)


def test_the_interval_covers_the_value_of_many_items() -> None:
    few, many = adherence(trial(0.3, 100)), float(trial(0.3, 20_000).normalized())
    assert few.low < many < few.high


def test_nan_scores_do_not_count() -> None:
    made, nan = torch.tensor([1.0, 0.5, float("nan")]), float("nan")
    scores = Trial(made, torch.tensor([1.0, 1.0, nan]), torch.tensor([0.0, nan, 0.0]))
    assert float(scores.normalized()) == pytest.approx(0.75)


@pytest.mark.parametrize("count", [2, 3, 50])
def test_nothing_keeps_its_place(count: int) -> None:
    order = derangement(count)
    assert sorted(order.tolist()) == list(range(count))
    assert (order != torch.arange(count)).all()


def test_loss_is_paired() -> None:
    alone = trial(0.1)
    none = loss(alone, alone)
    assert (none.low, none.value, none.high) == (0, 0, 0)
    assert loss(alone, trial(0.3)).low > 0
    assert len(Trial.cat([alone, alone])) == 800
