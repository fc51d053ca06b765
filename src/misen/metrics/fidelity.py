"""How faithfully one picture repeats another: PSNR and SSIM.

Source: Wang et al. 2004 (image quality assessment: from error visibility to structural similarity), section III-B.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps, PerItem

RANGE = 2.0
"""Pictures lie in [-1, 1]."""
WINDOW, SIGMA = 11, 1.5
STABILITY = (0.01, 0.03)


def psnr(first: Maps, second: Maps) -> PerItem:
    """(B,) peak signal-to-noise ratios in dB of pictures (B, C, H, W) in [-1, 1]; infinite for equal ones."""
    error = (first.double() - second.double()).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(RANGE**2 / error)


def ssim(first: Maps, second: Maps) -> PerItem:
    """(B,) structural similarities in [-1, 1] of pictures (B, C, H, W) in [-1, 1], at least 11 pixels high and wide."""
    x, y = first.double(), second.double()
    mean_x, mean_y, xx, yy, xy = (_blur(values) for values in (x, y, x * x, y * y, x * y))
    c1, c2 = ((k * RANGE) ** 2 for k in STABILITY)
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * (xy - mean_x * mean_y) + c2) / (xx - mean_x**2 + yy - mean_y**2 + c2)
    return (light * structure).flatten(1).mean(dim=1)


def _blur(values: Tensor) -> Tensor:
    """Gaussian averages of every whole window."""
    steps = torch.arange(WINDOW, dtype=values.dtype, device=values.device) - WINDOW // 2
    bell = torch.exp(-0.5 * (steps / SIGMA) ** 2)
    bell = (bell / bell.sum()).expand(values.shape[1], 1, 1, -1)
    across = functional.conv2d(values, bell, groups=values.shape[1])
    return functional.conv2d(across, bell.transpose(2, 3), groups=values.shape[1])
