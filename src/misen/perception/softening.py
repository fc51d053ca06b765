"""The slight softness, grain and tint of pictures that no renderer made, so that observers are at ease with them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images

BLUR, GRAIN, STAINS, GAIN, TINT = 0.9, 0.08, 0.08, 0.06, 0.04
"""Strongest blur (share of a 3x3 mean), largest deviations of noise per pixel and per 4x4 block, of gain and offset."""


def soften(images: Images) -> Images:
    """Disturb a third of the pictures (B, 3, H, W), each differently; draws from torch's global generator."""
    hurt = (torch.rand(len(images), 1, 1, 1) < 1 / 3).to(images)
    blur, grain, stains = ((hurt * torch.rand(len(images), 1, 1, 1) * most) for most in (BLUR, GRAIN, STAINS))
    gain, tint = (torch.randn(len(images), 3, 1, 1) * deviation for deviation in (GAIN, TINT))
    coarse = functional.interpolate(torch.randn(len(images), 3, *_quarter(images)), size=images.shape[-2:])
    blurred = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    softened = torch.lerp(images, blurred, blur) * (1 + hurt * gain) + hurt * tint
    return (softened + grain * torch.randn_like(images) + stains * coarse).clamp(-1, 1)


def _quarter(images: Tensor) -> tuple[int, int]:
    return images.shape[-2] // 4, images.shape[-1] // 4
