"""Disturbance of small pictures: what makes an upscaler at ease with pictures that no renderer made.

Source: Ho et al. 2021 (arXiv:2106.15282), section 4.2; deviation: blur and stains join the noise while it learns, since
the artefacts of generated pictures are not noise; the level that the network is told is the noise's.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from misen.core.shapes import Images, PerItem

GRAIN, BLUR, STAINS = 0.12, 0.9, 0.08
"""At level 1: deviation of the noise of each pixel, most of a 3x3 mean, largest deviation of noise of 4x4 blocks."""


def add_grain(images: Images, level: PerItem, noise: Images) -> Images:
    """Pictures (B, 3, H, W) with noise of level (B,) in [0, 1]; ``noise`` is standard normal."""
    return images + GRAIN * level[:, None, None, None] * noise


def disturb(images: Images, level: PerItem) -> Images:
    """Blur and stains of random strengths up to ``level`` (B,), and grain; draws from torch's global generator."""
    blur, stains = (most * level * torch.rand(len(images), device=images.device) for most in (BLUR, STAINS))
    blurred = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    softened = torch.lerp(images, blurred, blur[:, None, None, None])
    coarse = functional.interpolate(torch.randn_like(functional.avg_pool2d(images, 4)), scale_factor=4)
    return add_grain(softened + stains[:, None, None, None] * coarse, level, torch.randn_like(images))
