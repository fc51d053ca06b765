"""Perceptual path length: how fast pictures change on the way from one latent to another.

Source: Karras et al. 2019 (arXiv:1812.04948), section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, PerItem, Vectors

STEP = 1e-3
"""Of the way, over which the change is measured."""
Between = Callable[[Vectors, Vectors, Tensor], Vectors]
"""Two points (B, D) and a share of the way (B, 1) -> the point (B, D) there."""


def path_lengths(
    show: Callable[[Vectors], Images],
    distance: Callable[[Images, Images], PerItem],
    first: Vectors,
    second: Vectors,
    share: PerItem,
    between: Between = torch.lerp,
) -> PerItem:
    """(B,) distances over a small step of the way, divided by its square.

    Args:
        show: the pictures of points (B, D).
        distance: a squared distance of pictures, such as LPIPS.
        first: (B, D) where ways begin.
        second: (B, D) where they end.
        share: (B,) in [0, 1), where on the way the step begins.
        between: the way: ``torch.lerp``, straight, or ``arc``.
    """
    here, there = (between(first, second, at[:, None]) for at in (share, share + STEP))
    return distance(show(here), show(there)) / STEP**2


def arc(first: Vectors, second: Vectors, share: Tensor) -> Vectors:
    """Points (B, D) of unit length on the shortest way along the sphere between directions that are not opposite.

    Source: Shoemake 1985 (animating rotation with quaternion curves), section 3.3.
    """
    first, second = functional.normalize(first), functional.normalize(second)
    angle = (first * second).sum(dim=1, keepdim=True).clamp(-1, 1).acos()
    weights = (torch.sin((1 - share) * angle), torch.sin(share * angle))
    return functional.normalize(weights[0] * first + weights[1] * second)
