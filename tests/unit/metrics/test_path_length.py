"""Perceptual path length, on ways and pictures whose lengths are known."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from misen.metrics.path_length import arc, path_lengths


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def apart(first, second):
    return (first - second).square().sum((1, 2, 3))


def pictures(points):
    return points.view(-1, 3, 2, 2)


def test_on_a_straight_way_it_is_the_squared_length():
    first, second = torch.randn(2, 5, 12, dtype=torch.float64)
    lengths = path_lengths(pictures, apart, first, second, torch.rand(5, dtype=torch.float64))
    assert torch.allclose(lengths, (first - second).square().sum(1))


def test_on_a_sphere_it_is_the_squared_angle():
    first, second = torch.randn(2, 5, 12, dtype=torch.float64)
    lengths = path_lengths(pictures, apart, first, second, torch.rand(5, dtype=torch.float64), arc)
    angle = functional.cosine_similarity(first, second).acos()
    assert torch.allclose(lengths, angle.square(), rtol=1e-4)


def test_arcs_begin_and_end_where_they_should_and_stay_on_the_sphere():
    first, second = torch.randn(2, 5, 12)
    ends = [arc(first, second, torch.full((5, 1), share)) for share in (0.0, 0.3, 1.0)]
    assert torch.allclose(ends[0], functional.normalize(first), atol=1e-5)
    assert torch.allclose(ends[2], functional.normalize(second), atol=1e-5)
    assert torch.allclose(ends[1].norm(dim=1), torch.ones(5), atol=1e-6)


def test_a_sudden_change_is_long():
    first, second, share = torch.zeros(4, 12), torch.ones(4, 12), torch.rand(4)
    plain = path_lengths(pictures, apart, first, second, share)
    sudden = path_lengths(lambda points: pictures((20 * points).sin()), apart, first, second, share)
    assert sudden.mean() > 10 * plain.mean()
