"""Inception score: the direct formula, its two ends, and types that exclude each other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen.metrics.inception_score import avatar_type, inception_score
from misen.perception.reading import Reading
from misen.scene.attributes import BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH


def test_equals_torchmetrics_and_the_direct_formula(real, golden) -> None:
    log_probability = real.log_softmax(1)
    assert inception_score(log_probability, splits=1)[0] == pytest.approx(golden["inception_score"], rel=1e-9)
    p = log_probability.exp()
    direct = (p * (p / p.mean(0)).log()).sum(1).mean().exp()
    assert inception_score(log_probability, splits=1)[0] == pytest.approx(float(direct), rel=1e-12)


def test_splits_are_scored_separately(real) -> None:
    log_probability = real.log_softmax(1)
    halves = torch.tensor([inception_score(part, splits=1)[0] for part in log_probability.chunk(2)])
    expected = (float(halves.mean()), float(halves.std(unbiased=False)))
    assert inception_score(log_probability, splits=2) == pytest.approx(expected, rel=1e-6)


def test_no_opinion_scores_one_and_certain_balanced_answers_score_the_classes() -> None:
    assert inception_score(torch.full((40, 5), 0.2).log()) == pytest.approx((1, 0))
    assert inception_score(torch.eye(5).repeat(20, 1).log()) == pytest.approx((5, 0))


def test_types_are_pairs_of_values() -> None:
    logits = torch.zeros(1, ONE_HOT_WIDTH)
    for key, value in (("hair_style", "bun"), ("glasses", "square")):
        logits[0, OFFSETS[COLUMN[key]] + BY_KEY[key].index(value)] = 50.0
    asked = SimpleNamespace(attributes=logits)
    reading = SimpleNamespace(log_probability=lambda column: Reading.log_probability(asked, column))
    types = avatar_type(reading).exp()
    assert types.shape == (1, 32)
    assert types.sum().item() == pytest.approx(1)
    assert types.argmax().item() == BY_KEY["hair_style"].index("bun") * 4 + BY_KEY["glasses"].index("square")
