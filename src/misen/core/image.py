"""Pictures as tensors: float (B, 3, H, W) in [-1, 1] inside, uint8 (H, W, 3) at the edges."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, Pixels


def to_bytes(image: Images) -> Pixels:
    """(B, 3, H, W) in [-1, 1] -> (B, H, W, 3) uint8, rounding half up and clipping."""
    return ((image.float() + 1) * 127.5 + 0.5).clamp(0, 255).to(torch.uint8).movedim(1, -1).contiguous()


def from_bytes(pixels: Pixels) -> Images:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) float32 in [-1, 1]; ``to_bytes`` inverts it exactly."""
    return pixels.movedim(-1, 1).float() / 127.5 - 1


def resize(
    image: Float[Tensor, "batch channels height width"], size: int
) -> Float[Tensor, "batch channels {size} {size}"]:
    """(B, C, H, W) -> (B, C, size, size): bilinear, anti-aliased when it shrinks; unchanged if it fits."""
    return stretch(image, size, size)


def stretch(
    image: Float[Tensor, "batch channels rows columns"], height: int, width: int
) -> Float[Tensor, "batch channels {height} {width}"]:
    """(B, C, H, W) -> (B, C, height, width), as ``resize`` does it."""
    if image.shape[-2:] == (height, width):
        return image
    if width == 1 < height:  # torch's anti-aliasing makes all rows of a single column alike
        return stretch(image.mT, width, height).mT
    shrinks = image.shape[-2] > height or image.shape[-1] > width
    return functional.interpolate(image, (height, width), mode="bilinear", align_corners=False, antialias=shrinks)


def middle(
    image: Shaped[Tensor, "*leading height width"], rows: int, columns: int
) -> Shaped[Tensor, "*leading part_height part_width"]:
    """The largest part in the middle of (..., H, W) whose sides are as ``rows`` to ``columns``, to the next pixel."""
    height, width = image.shape[-2:]
    part = min(height, width * rows // columns) or 1, min(width, height * columns // rows) or 1
    top, left = (height - part[0]) // 2, (width - part[1]) // 2
    return image[..., top : top + part[0], left : left + part[1]]


def square(image: Shaped[Tensor, "*leading height width"], fill: float) -> Shaped[Tensor, "*leading side side"]:
    """(..., H, W) padded evenly with ``fill`` to (..., max(H, W), max(H, W))."""
    height, width = image.shape[-2:]
    rows, columns = max(width - height, 0), max(height - width, 0)
    return functional.pad(image, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2), value=fill)
