"""R-precision: perfect, by chance, and blind to captions that are true of others."""

from __future__ import annotations

import torch

from misen.metrics.r_precision import r_precision


def unlike(count: int) -> torch.Tensor:
    return ~torch.eye(count, dtype=torch.bool)


def test_perfect_likeness_always_finds_the_caption() -> None:
    assert r_precision(torch.eye(150), unlike(150)).tolist() == [1] * 150


def test_no_likeness_finds_it_by_chance() -> None:
    likeness = torch.rand(1000, 1000, generator=torch.Generator().manual_seed(3))
    assert 0.001 <= float(r_precision(likeness, unlike(1000)).mean()) < 0.02
    assert 0.16 < float(r_precision(likeness, unlike(1000), distractors=4).mean()) < 0.24


def test_captions_that_are_true_of_others_do_not_compete() -> None:
    likeness = torch.tensor([[0.5, 0.9, 0.1], [0.0, 1.0, 0.0], [0.3, 0.2, 0.1]])
    assert r_precision(likeness, unlike(3)).tolist() == [0, 1, 0]
    false = unlike(3)
    false[0, 1] = False
    assert r_precision(likeness, false).tolist() == [1, 1, 0]


def test_a_tie_is_no_hit() -> None:
    assert r_precision(torch.ones(3, 3), unlike(3)).sum() == 0
