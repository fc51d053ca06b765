"""Line drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from misen.core.errors import InputError
from misen.core.image import square
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, grey, open_pictures
from misen.scene.truth import Truth

SIZE = 64
CONTRAST = 0.1
"""Smallest difference in luminance, of 1, that counts as a line."""


@dataclass(frozen=True, eq=False, init=False)
class Sketch(Batched):
    """Lines the picture should follow.

    Attributes:
        ink: (B, 1, 64, 64) float32 in [0, 1] in steps of 1/255, 1 = ink.
    """

    modality: ClassVar[str] = "sketch"
    ink: Tensor

    def __init__(self, drawings: Tensor | Source | Sequence[Source]) -> None:
        """Drawings of any size: pictures, dark on light or light on dark, or a float tensor (..., H, W) of ink.

        Thin lines survive being made smaller, since each pixel keeps the darkest ink under it.

        Raises:
            InputError: a blank picture, or ink outside [0, 1].
        """
        if isinstance(drawings, Tensor):
            ink = _fit(_checked(drawings).reshape(-1, 1, *drawings.shape[-2:]))
        else:
            ink = torch.cat([_fit(_trace(picture)) for picture in open_pictures(drawings, self.modality)])
        self._keep(ink=(ink * 255).round() / 255)

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The true drawing, in its own hand."""
        return cls(truth.sketch)

    @classmethod
    def open(cls, path: str) -> Self:
        """The drawing in a picture file."""
        return cls(path)

    parse = open

    def to_json(self) -> list[dict[str, Any]]:
        """``{"png": ..., "ink": "black"}``: black on white, to be taken as it is."""
        pixels = ((1 - self.ink[:, 0]) * 255).round().to(torch.uint8).cpu().numpy()
        return [{"png": png.to_text(item), "ink": "black"} for item in pixels]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; without ``"ink"`` paper and ink are told apart as in any picture."""
        pictures = [(png.from_text(item, cls.modality), item.get("ink") == "black") for item in items]
        inks = [1 - _luminance(picture) if plain else _trace(picture) for picture, plain in pictures]
        return cls(torch.cat([_fit(ink) for ink in inks]))

    def describe(self) -> list[str]:
        """How much ink there is."""
        return [f"drawing with {share:.0%} ink" for share in self.ink.mean((1, 2, 3)).tolist()]

    def preview(self, size: int) -> Tensor:
        """Black on white."""
        return functional.interpolate(1 - 2 * self.ink, (size, size), mode="nearest-exact").expand(-1, 3, -1, -1)


def _checked(ink: Tensor) -> Tensor:
    if not ink.is_floating_point() or ink.ndim < 2 or 0 in ink.shape:
        given = f"{ink.dtype} of {tuple(ink.shape)}"
        raise InputError(f"ink must be a float tensor (..., H, W), got {given}", field="sketch")
    if not (ink.min() >= 0 and ink.max() <= 1):
        raise InputError("ink must be from 0 (paper) to 1 (ink) everywhere", field="sketch")
    return ink.float()


def _luminance(picture: Image.Image) -> Tensor:
    return torch.from_numpy(grey(picture))[None, None]


def _trace(picture: Image.Image) -> Tensor:
    """(1, 1, H, W) ink: what is drawn on transparent film, else what differs from the paper, at full contrast."""
    if picture.has_transparency_data:
        film = np.asarray(picture.convert("RGBA"), np.float32)[..., 3] / 255
        if (film < 0.5).mean() > 0.5 and film.max() > CONTRAST:
            return torch.from_numpy(film)[None, None]
    luminance = _luminance(picture)
    paper = luminance.median()
    ink = (paper - luminance if paper > 0.5 else luminance - paper).clamp_min(0)
    if ink.max() < CONTRAST:
        raise InputError("the drawing is blank", field="sketch", hint="draw dark lines on light paper or the reverse")
    return ink / ink.max()


def _fit(ink: Tensor) -> Tensor:
    """(B, 1, H, W) -> (B, 1, 64, 64), padded to a square with paper."""
    return ink if ink.shape[-2:] == (SIZE, SIZE) else functional.adaptive_max_pool2d(square(ink, 0.0), SIZE)
