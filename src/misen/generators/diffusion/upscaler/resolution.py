"""Between the two resolutions: enlarge smoothly, shrink by area, and stay faithful to what was small."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images

SmallImages = Float[Tensor, "batch 3 rows columns"]
"""Pictures beside larger ones."""


def enlarge(small: SmallImages, ratio: int) -> Images:
    """(B, 3, h, w) -> (B, 3, ratio * h, ratio * w), bicubic, not clipped."""
    return functional.interpolate(small, scale_factor=ratio, mode="bicubic", align_corners=False)


def shrink(large: Images, ratio: int) -> SmallImages:
    """(B, 3, H, W) -> (B, 3, H / ratio, W / ratio), the mean of each block."""
    return functional.avg_pool2d(large, ratio)


def faithful(large: Images, small: SmallImages, ratio: int, tolerance: float) -> Images:
    """The nearest picture to ``large`` that shrinks to within ``tolerance`` of ``small``.

    Source: Wang et al. 2022 (arXiv:2212.00490), equation 8; deviation: onto a ball instead of its middle, since a small
    render is not quite what the large one shrinks to.

    Args:
        large: (B, 3, H, W).
        small: (B, 3, H / ratio, W / ratio).
        ratio: between the two.
        tolerance: root mean square over each small picture.
    """
    gap = small - shrink(large, ratio)
    return large + functional.interpolate(_surplus(gap, tolerance) * gap, scale_factor=ratio)


def retreat(large: Images, small: SmallImages, ratio: int, tolerance: float) -> Images:
    """``large`` drawn towards blocks of ``small`` just as far as it takes to shrink to within ``tolerance`` of it.

    It costs detail where ``faithful`` costs none, but never leaves the range of both pictures. Arguments as there.
    """
    blocks = functional.interpolate(small, scale_factor=ratio)
    return torch.lerp(large, blocks, _surplus(small - shrink(large, ratio), tolerance))


def _surplus(gap: SmallImages, tolerance: float) -> Float[Tensor, "batch 1 1 1"]:
    """The share of each gap by which it is too large."""
    size = gap.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return 1 - tolerance / size.clamp(min=tolerance)
