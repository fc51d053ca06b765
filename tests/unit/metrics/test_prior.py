"""Priors between two controls: one that finds every picture, and one that knows no captions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from misen.metrics.prior import judge_prior

COUNT = 40
FALSE = ~torch.eye(COUNT, dtype=torch.bool)


def places(seed):
    return functional.normalize(torch.randn(COUNT, 128, generator=torch.Generator().manual_seed(seed)), dim=1)


SEEN, WHOLES = places(0), places(1)


def test_a_prior_that_knows_where_pictures_lie_finds_each():
    figures = judge_prior(lambda first: SEEN, SEEN, WHOLES, FALSE)
    assert {name: figures[name].value for name in ("r@1", "cosine", "spread")} == pytest.approx(
        {"r@1": 1, "cosine": 1, "spread": 0}, abs=1e-5
    )
    assert figures["r@1.words"].value < 0.2
    assert figures["cosine.words"].value == pytest.approx(0, abs=0.1)
    assert figures["r@1"].n == COUNT


def test_a_prior_that_guesses_finds_none_and_guesses_anew():
    firsts = []

    def guess(first):
        firsts.append(first)
        return places(2 + len(firsts))

    figures = judge_prior(guess, SEEN, SEEN, FALSE)
    assert figures["r@1"].value < 0.2
    assert figures["spread"].value == pytest.approx(1, abs=0.1)
    assert figures["cosine.words"].value == pytest.approx(1)
    assert len(set(firsts)) == 2
    assert 0 <= figures["seconds"].value < 1
