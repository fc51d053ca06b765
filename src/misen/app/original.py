"""The original: the picture that is to be changed and its mask, in whatever form they are given."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.app.recipe import coverage
from misen.core.errors import InputError
from misen.editing.canvas import Canvas
from misen.media.picture import Source, color, open_picture


def canvas_of(image: Source | Tensor | None, mask: Source | Tensor | None, height: int, width: int) -> Canvas | None:
    """Picture and mask at a size in pixels, or None where there is no picture.

    Raises:
        InputError: there is a mask alone, or one of another size, or something is no picture.
    """
    if image is None and mask is None:
        return None
    if image is None:
        raise InputError("a mask needs a picture", field="mask", hint="give the picture as image")
    cover = None if mask is None else _cover(mask)
    return Canvas.fit(picture_of(image), cover, height, width)


def picture_of(image: Source | Tensor) -> Tensor:
    """(1, 3, H, W) in [-1, 1] in the size it is given in; raises ``InputError`` for what is no picture."""
    return _tensor(image, 3, "image") if isinstance(image, Tensor) else color(open_picture(image, "image"))


def _cover(mask: Source | Tensor) -> Tensor:
    """(1, 1, H, W) in [0, 1]."""
    return _tensor(mask, 1, "mask") if isinstance(mask, Tensor) else coverage(open_picture(mask, "mask"))


def _tensor(picture: Tensor, channels: int, name: str) -> Tensor:
    """(1, C, H, W) from a picture or mask given as a tensor with or without the batch axis."""
    alone = picture.ndim == 3 or (picture.ndim == 4 and len(picture) == 1)
    if not alone or picture.shape[-3] != channels or not picture.numel() or not picture.is_floating_point():
        shape = f"{picture.dtype} of {tuple(picture.shape)}"
        raise InputError(f"{name} must be a float tensor ({channels}, H, W), got {shape}", field=name)
    if not torch.isfinite(picture).all():
        raise InputError(f"{name} holds NaN or infinity", field=name, hint="give finite numbers")
    return picture.reshape(-1, *picture.shape[-3:])[:1].float()
