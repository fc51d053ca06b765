"""Likeness: nothing for the picture itself, and each kind of difference by its weight."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional

from misen.inversion.likeness import Likeness, Weights


def look(images: torch.Tensor) -> SimpleNamespace:
    """Sees pixels as features, and the mean color as identity."""
    return SimpleNamespace(pyramid=(images + 2,), identity=functional.normalize(images.mean((2, 3)) + 2, dim=1))


@pytest.fixture
def pair() -> torch.Tensor:
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) - 0.5


def test_the_picture_itself_has_no_distance(pair) -> None:
    assert Likeness(pair, look, Weights(1, 1, 1, 1))(pair).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["absolute", "squared", "perceptual", "identity"])
def test_each_difference_counts_by_its_weight(pair, name: str) -> None:
    nothing = dict.fromkeys(("absolute", "squared", "perceptual", "identity"), 0.0)
    once, twice = (Likeness(pair, look, Weights(**{**nothing, name: w}))(pair.flip(0)) for w in (1.0, 2.0))
    assert (once > 0).all()
    assert torch.allclose(twice, 2 * once)


def test_pixels_are_counted_as_they_are(pair) -> None:
    values = Likeness(pair, look, Weights(absolute=2.0, squared=3.0, perceptual=0, identity=0))(pair + 0.1)
    assert values.tolist() == pytest.approx([0.23, 0.23])
