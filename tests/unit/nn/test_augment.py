"""Differentiable augmentation."""

from __future__ import annotations

import pytest
import torch

from misen.nn.augment import AUGMENTATIONS, augment, cut_out, recolored, shifted


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_picture_is_altered_in_its_own_way_and_gradients_pass(name):
    images = torch.rand(1, 3, 16, 12).expand(12, -1, -1, -1).clone().requires_grad_()
    altered = augment(images, [name])
    assert altered.shape == images.shape
    assert ((altered - images).abs().amax((1, 2, 3)) > 0).sum() > 8
    assert len(altered.detach().flatten(1).unique(dim=0)) > 6
    altered.sum().backward()
    assert images.grad.abs().amax((1, 2, 3)).min() > 0


def test_nothing_is_altered_unless_it_is_named():
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(augment(images, []), images)


def test_shifts_are_whole_pixels_of_at_most_an_eighth():
    images = torch.zeros(200, 3, 16, 16)
    images[:, :, 8, 8] = 1
    places = shifted(images)[:, 0].flatten(1).argmax(1)
    rows, columns = places // 16 - 8, places % 16 - 8
    assert set(rows.tolist()) == set(columns.tolist()) == set(range(-2, 3))
    whole = torch.ones(200, 3, 16, 16)
    assert shifted(whole).sum((1, 2, 3)).min() >= 3 * 14 * 14


def test_holes_are_half_as_wide_as_the_picture():
    kept = cut_out(torch.ones(200, 3, 16, 16)).mean((1, 2, 3))
    assert kept.min() >= 0.7
    assert kept.max() <= 1 - 0.25 * 0.25 + 0.05


def test_colors_alone_change():
    images = torch.rand(50, 3, 8, 8)
    altered = recolored(images)
    ranks, before = altered.mean(1).flatten(1).argsort(1), images.mean(1).flatten(1).argsort(1)
    assert torch.equal(ranks, before)
    assert altered.mean((1, 2, 3)).std() > images.mean((1, 2, 3)).std() + 0.1
