"""The picture an edit begins from, and the part of it that may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from misen.core.errors import InputError
from misen.core.image import from_bytes, middle, stretch, to_bytes
from misen.synthesis import Known, Start


@dataclass(frozen=True)
class Canvas:
    """A picture at a model's size.

    Attributes:
        image: (1, 3, H, W) in [-1, 1], in steps of 2/255.
        mask: (1, 1, H, W) in [0, 1] in steps of 1/255, 1 = repaint; None when everything may change.
    """

    image: Tensor
    mask: Tensor | None = None

    @classmethod
    def fit(cls, image: Tensor, mask: Tensor | None, height: int, width: int | None = None) -> Self:
        """The middle of a picture and its mask, as much as has the shape that is wanted, at that size.

        Args:
            image: (1, 3, h, w) in [-1, 1].
            mask: (1, 1, h, w) in [0, 1], 1 = repaint.
            height: of the pictures that are made, in pixels.
            width: likewise; the same as the height if left out.

        Raises:
            InputError: when picture and mask differ in size.
        """
        if mask is not None and mask.shape[-2:] != image.shape[-2:]:
            (h, w), (mask_h, mask_w) = image.shape[-2:], mask.shape[-2:]
            raise InputError(
                f"the mask is {mask_w} x {mask_h} and the picture {w} x {h}",
                field="mask",
                hint="make them the same size",
            )
        size = (height, height if width is None else width)
        fitted = from_bytes(to_bytes(stretch(middle(image, *size), *size)))
        if mask is None:
            return cls(fitted)
        return cls(fitted, (stretch(middle(mask, *size), *size) * 255).round().clamp(0, 255) / 255)

    def start(self, strength: float) -> Start:
        """Where the walk begins: ``strength`` of it is left to go."""
        return Start(self.image, strength)

    @property
    def known(self) -> Known | None:
        """What must stay."""
        return None if self.mask is None else Known(self.image, self.mask)

    def change(self, images: Tensor) -> dict[str, float]:
        """Mean absolute change of (B, 3, h, w) in levels of 255, where repainting was allowed and elsewhere.

        Pictures of another size are looked at in that of the canvas.
        """
        levels = (stretch(images, *self.image.shape[-2:]) - self.image).abs().mean((0, 1)) * 127.5
        free = torch.ones_like(levels, dtype=torch.bool) if self.mask is None else self.mask[0, 0] > 0
        parts = {"repainted": levels[free], "kept": levels[~free]}
        return {name: float(part.mean()) for name, part in parts.items() if len(part)}
