"""Sliced Wasserstein distance between small patches of two sets of pictures, one frequency band at a time.

Source: Karras et al. 2018 (arXiv:1710.10196), section 5; deviation: 16 patches of each picture and band instead of 128,
enough at 64 pixels. It looks at pixels and needs no network, so it means the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps, Scalar, Vectors

SMALLEST = 16
"""Height of the coarsest band."""
SIDE, PATCHES = 7, 16
"""Height and width of a patch, and patches of each picture and band."""
DIRECTIONS = 512
Descriptors = list[Float[Tensor, "patches numbers"]]
"""Per band, fine to coarse, patches as long vectors."""


def describe_patches(images: Maps, seed: int = 0) -> Descriptors:
    """Random patches of every band of pictures (B, C, H, W), (B * ``PATCHES``, C * 49) each, not yet normalized."""
    draws = torch.Generator().manual_seed(seed)
    return [_patches(band, draws) for band in laplacian_pyramid(images)]


def laplacian_pyramid(images: Maps) -> list[Maps]:
    """What each halving of (B, C, H, W) loses, and what is left at 16 pixels; fine to coarse."""
    bands = []
    while images.shape[-1] > SMALLEST:
        smaller = _smooth(images)[..., ::2, ::2]
        bands.append(images - _enlarge(smaller))
        images = smaller
    return [*bands, images]


def sliced_wasserstein(first: Sequence[Vectors], second: Sequence[Vectors], seed: int = 0) -> float:
    """Mean over the bands, times 1000 as is usual; of as many descriptors as both sets have. 0 for equal sets."""
    draws = torch.Generator().manual_seed(seed)
    return 1000 * float(torch.stack([_distance(*pair, draws) for pair in zip(first, second, strict=True)]).mean())


def _distance(first: Vectors, second: Vectors, draws: torch.Generator) -> Scalar:
    count = min(len(first), len(second))
    directions = functional.normalize(torch.randn(first.shape[1], DIRECTIONS, generator=draws), dim=0)
    one, other = ((_normalized(points[:count]) @ directions).sort(dim=0).values for points in (first, second))
    return (one - other).abs().mean()


def _normalized(descriptors: Vectors) -> Vectors:
    """(N, C * 49) with mean 0 and deviation 1 in each channel."""
    channels = descriptors.unflatten(1, (-1, SIDE**2))
    deviation, mean = torch.std_mean(channels, dim=(0, 2), keepdim=True)
    normalized: Tensor = (channels - mean) / deviation
    return normalized.flatten(1)


def _patches(band: Maps, draws: torch.Generator) -> Vectors:
    windows = functional.unfold(band, SIDE).transpose(1, 2)
    chosen = torch.randint(windows.shape[1], (len(band), PATCHES), generator=draws)
    return windows.gather(1, chosen[:, :, None].expand(-1, -1, windows.shape[2])).flatten(0, 1)


def _smooth(images: Maps) -> Maps:
    """Binomial averages over five pixels each way, mirrored at the border."""
    bell = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]).to(images) / 16
    kernel = torch.outer(bell, bell).expand(images.shape[1], 1, -1, -1)
    return functional.conv2d(functional.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=images.shape[1])


def _enlarge(images: Maps) -> Maps:
    """(B, C, h, w) -> (B, C, 2h, 2w): pixels set apart by zeros, then smoothed."""
    spread = images.new_zeros(*images.shape[:2], 2 * images.shape[2], 2 * images.shape[3])
    spread[..., ::2, ::2] = 4 * images
    return _smooth(spread)
