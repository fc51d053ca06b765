"""Differentiable augmentation: a discriminator sees real and made pictures altered alike, so it cannot learn by heart.

Source: Zhao et al. 2020 (arXiv:2006.10738), section 3.2, with the ranges of its implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, Masks

SHIFT = 0.125
"""How far a picture is shifted at most, as a fraction of its side."""
HOLE = 0.5
"""Side of the square that is cut out, as a fraction of the picture's."""


def augment(images: Images, names: Sequence[str]) -> Images:
    """Pictures altered in each of the ways that ``names`` say, one after another; drawn anew for every picture."""
    for name in names:
        images = AUGMENTATIONS[name](images)
    return images


def recolored(images: Images) -> Images:
    """Other brightness, saturation and contrast."""
    images = images + (_draws(images) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + 2 * _draws(images) * (images - grey)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (0.5 + _draws(images)) * (images - middle)


def shifted(images: Images) -> Images:
    """Moved by whole pixels; what comes in from outside is grey."""
    rows, columns = (round(SHIFT * side) for side in images.shape[-2:])
    padded = functional.pad(images, (columns, columns, rows, rows))
    down, right = (torch.randint(2 * most + 1, (len(images),), device=images.device) for most in (rows, columns))
    taken = _window(padded, down, images.shape[-2], axis=2)
    return _window(taken, right, images.shape[-1], axis=3)


def cut_out(images: Images) -> Images:
    """With a grey square somewhere, which may reach over the edge."""
    return images * (1 - _hole(images))


AUGMENTATIONS: Mapping[str, Callable[[Images], Images]] = {
    "color": recolored,
    "translation": shifted,
    "cutout": cut_out,
}
"""By the name a configuration gives."""


def _draws(images: Images) -> Tensor:
    """(B, 1, 1, 1) in [0, 1)."""
    return torch.rand(len(images), 1, 1, 1, device=images.device)


def _window(images: Tensor, start: Tensor, length: int, axis: int) -> Tensor:
    """Of each picture the ``length`` rows or columns from its own ``start`` (B,) on."""
    shape = [-1 if dimension == axis else 1 for dimension in range(4)]
    index = start.view(-1, 1, 1, 1) + torch.arange(length, device=images.device).view(shape)
    extent = list(images.shape)
    extent[axis] = length
    return images.gather(axis, index.expand(extent))


def _hole(images: Images) -> Masks:
    """(B, 1, H, W): 1 inside the square."""
    inside = [_stretch(images, side) for side in images.shape[-2:]]
    return (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(images.dtype)


def _stretch(images: Images, side: int) -> Tensor:
    """(B, side): which of ``side`` pixels lie within half a hole of a middle that is drawn from all of them."""
    middle = side * torch.rand(len(images), 1, device=images.device)
    return (torch.arange(side, device=images.device) + 0.5 - middle).abs() < HOLE * side / 2
