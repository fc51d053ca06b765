"""Coordinates: where latents lie among those of pictures, and the way back."""

from __future__ import annotations

import pytest
import torch

from misen.generators.gan.alignment.coordinates import Coordinates

LAYERS, WIDTH = 3, 4


@pytest.fixture
def points():
    torch.manual_seed(0)
    return torch.randn(2000, LAYERS, WIDTH) @ torch.randn(WIDTH, WIDTH) + torch.randn(LAYERS, WIDTH)


@pytest.fixture
def settled(points):
    coordinates = Coordinates(LAYERS, WIDTH)
    coordinates.settle(points)
    return coordinates


def test_points_of_pictures_are_uncorrelated_and_of_unit_variance(settled, points):
    seen = settled(points)
    assert seen.shape == (len(points), LAYERS * WIDTH)
    assert seen.mean(0).abs().max() < 1e-4
    by_layer = seen.unflatten(1, (LAYERS, WIDTH)).unbind(1)
    assert all(torch.allclose(torch.cov(layer.T), torch.eye(WIDTH), atol=0.1) for layer in by_layer)


def test_the_way_back(settled, points):
    seen = settled(points)
    assert torch.allclose(settled.point(seen), points, atol=1e-4)
    assert torch.allclose(settled.difference(seen[:5] - seen[5:10]), points[:5] - points[5:10], atol=1e-4)


def test_before_anything_is_known_points_are_what_they_are(points):
    assert torch.equal(Coordinates(LAYERS, WIDTH)(points), points.flatten(1))


def test_products_of_directions_are_cosines_in_w_plus(settled, points):
    first, second = points[:5], points[5:10]
    away = [(some - points.mean(0)).flatten(1) for some in (first, second)]
    products = (settled.direction(settled(first)) * settled.direction(settled(second))).sum(1)
    assert torch.allclose(products, torch.cosine_similarity(*away), atol=1e-4)


def test_an_axis_along_which_nothing_differs_does_no_harm(points):
    coordinates = Coordinates(LAYERS, WIDTH)
    coordinates.settle(points * torch.tensor([1.0, 1.0, 0.0, 0.0]))
    assert torch.isfinite(coordinates(points)).all()
    assert float(coordinates.spread.min() / coordinates.spread.max()) == pytest.approx(1e-3, rel=1e-4)
