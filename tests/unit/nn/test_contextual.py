from __future__ import annotations

import math

import pytest
import torch

from misen.nn.contextual import contextual_distance


@pytest.fixture
def features() -> torch.Tensor:
    return torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(0))


def test_what_is_elsewhere_counts_as_there(features):
    assert contextual_distance(features, features).max() < 1e-3
    assert contextual_distance(features.flip(2, 3), features).max() < 1e-3


def test_what_is_not_there_counts(features):
    other = torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(1))
    half = torch.cat([features[:, :, :2], other[:, :, 2:]], dim=2)
    whole, some = contextual_distance(other, features), contextual_distance(half, features)
    assert (whole > some).all()
    assert (some > 0.1).all()


def test_only_the_first_learns(features):
    made, given = features.flip(1).requires_grad_(), features.clone().requires_grad_()
    contextual_distance(made, given).sum().backward()
    assert given.grad is None
    assert made.grad.abs().max() > 0


def test_it_has_its_closed_form():
    first = torch.tensor([0.1, math.sqrt(0.99)]).view(1, 2, 1, 1)
    second = torch.tensor([[1.0, -1.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    gap = (1.1 - 0.9) / (0.9 + 1e-3) / 0.1
    assert contextual_distance(first, second).item() == pytest.approx(math.log1p(math.exp(-gap)), rel=1e-4)
