"""Colors part by part: how far the mean color of each part of one picture is from that of the same part of another.

Source: CIE 15:2004, sections 8.2.1 and 8.2.1.3, for L*a*b* and its color difference; IEC 61966-2-1 for sRGB.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, PerItem
from misen.scene.anatomy import CLASSES

ENOUGH = 6
"""Pixels at 64 px that a part needs to have in both pictures."""
PRIMARIES = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
"""Rows give X, Y and Z of linear red, green and blue."""
WHITE = (0.95047, 1.0, 1.08883)
"""X, Y and Z of daylight, D65."""
DARK = (6 / 29) ** 3
"""Share of the white below which lightness is linear."""

Labels = Integer[Tensor, "batch rows columns"]
"""Part of each pixel, as an index of ``anatomy.CLASSES``."""


def lab(images: Images) -> Images:
    """(B, 3, H, W) in [-1, 1] -> L* in [0, 100], a* and b*."""
    coded = ((images.double() + 1) / 2).clamp(0, 1)
    linear = torch.where(coded > 0.04045, ((coded + 0.055) / 1.055).pow(2.4), coded / 12.92)
    matrix = linear.new_tensor(PRIMARIES) / linear.new_tensor(WHITE)[:, None]
    shares = torch.einsum("xc,bchw->bxhw", matrix, linear)
    x, y, z = torch.where(shares > DARK, shares.pow(1 / 3), shares / (3 * (6 / 29) ** 2) + 4 / 29).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=1)


def color_distances(
    first: Images,
    first_parts: Labels,
    second: Float[Tensor, "batch 3 _ _"],
    second_parts: Integer[Tensor, "batch _ _"],
) -> PerItem:
    """(B,) color differences of the parts' mean colors, averaged over parts seen in both; NaN where there are none.

    Args:
        first: (B, 3, H, W) in [-1, 1].
        first_parts: (B, H, W) what is where in them.
        second: (B, 3, H', W') in [-1, 1].
        second_parts: (B, H', W').
    """
    (colors, seen), (others, also) = _colors(first, first_parts), _colors(second, second_parts)
    both = seen & also
    distances: Tensor = torch.linalg.vector_norm(colors - others, dim=1)
    return (distances * both).sum(dim=1) / both.sum(dim=1)


def _colors(images: Images, parts: Labels) -> tuple[Tensor, Tensor]:
    """(B, 3, K) mean colors of parts, and (B, K) whether there are enough pixels of them."""
    inside = functional.one_hot(parts.long(), len(CLASSES)).flatten(1, 2).double()
    pixels = inside.sum(dim=1)
    total = lab(images).flatten(2) @ inside
    return total / pixels.clamp(min=1)[:, None], pixels * (64 / images.shape[-1]) ** 2 >= ENOUGH
