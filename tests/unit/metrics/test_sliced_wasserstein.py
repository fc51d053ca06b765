"""Sliced Wasserstein distance: closed form for a shift of one band, and order under known corruptions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.metrics.sliced_wasserstein import PATCHES, describe_patches, laplacian_pyramid, sliced_wasserstein


@pytest.fixture(scope="module")
def images() -> Tensor:
    """40 pictures of smooth noise."""
    draws = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return functional.interpolate(draws, (32, 32), mode="bilinear")


def test_the_pyramid_loses_nothing(images: Tensor) -> None:
    fine, coarse = laplacian_pyramid(images)
    assert (fine.shape[-1], coarse.shape[-1]) == (32, 16)
    flat = laplacian_pyramid(torch.full((1, 3, 32, 32), 0.5))
    assert flat[0][:, :, 2:-2, 2:-2].abs().max() < 1e-6  # a plain surface has no detail
    assert torch.allclose(flat[1], torch.full((1, 3, 16, 16), 0.5))


def test_patches_lie_in_their_bands(images: Tensor) -> None:
    bands = describe_patches(images)
    assert [band.shape for band in bands] == [(40 * PATCHES, 3 * 49)] * 2
    assert bands[1].max() <= laplacian_pyramid(images)[1].max()


def test_equal_sets_are_at_no_distance_and_order_does_not_matter(images: Tensor) -> None:
    bands = describe_patches(images)
    shuffled = [band[torch.randperm(len(band), generator=torch.Generator().manual_seed(1))] for band in bands]
    assert sliced_wasserstein(bands, bands) == 0
    assert sliced_wasserstein(bands, shuffled) < 1e-3


def test_brightness_and_contrast_of_a_band_do_not_count(images: Tensor) -> None:
    bands = describe_patches(images)
    assert sliced_wasserstein(bands, [2 * band + 1 for band in bands]) == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize("corrupt", ["noise", "blocks"])
def test_rises_with_corruption(images: Tensor, corrupt: str) -> None:
    grain = torch.randn(images.shape, generator=torch.Generator().manual_seed(2))
    spoiled = {
        "noise": [images + amount * grain for amount in (0.02, 0.05, 0.1, 0.2, 0.4)],
        "blocks": [functional.interpolate(images[..., ::step, ::step], (32, 32)) for step in (2, 4, 8)],
    }[corrupt]
    bands = describe_patches(images)
    distances = [sliced_wasserstein(bands, describe_patches(worse)) for worse in spoiled]
    assert distances == sorted(distances)
    assert distances[0] > 1
