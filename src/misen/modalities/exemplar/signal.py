"""A picture of the head that should be shown again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import InputError
from misen.core.image import resize
from misen.media.picture import Source, color, open_pictures
from misen.media.pictured import Pictured
from misen.scene.truth import Truth

SIZE = 64


class Exemplar(Pictured):
    """Whom to show, in any pose, expression and light.

    Attributes:
        image: (B, 3, 64, 64) float32 in [-1, 1] in steps of 1/127.5.
    """

    modality: ClassVar[str] = "exemplar"

    def __init__(self, pictures: Tensor | Source | Sequence[Source]) -> None:
        """Pictures of any size, of which the middle square counts, or a float tensor (B, 3, H, W) in [-1, 1].

        Raises:
            InputError: a tensor of another shape or range.
        """
        if isinstance(pictures, Tensor):
            self._hold(_fit(_checked(pictures)))
        else:
            self._hold(torch.cat([_fit(color(picture)) for picture in open_pictures(pictures, self.modality)]))

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The same identity in another pose, expression and light."""
        return cls(truth.exemplar)

    def describe(self) -> list[str]:
        """That there is one."""
        return ["the head of a picture"] * len(self)


def _checked(image: Tensor) -> Tensor:
    if not image.is_floating_point() or image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
        given = f"{image.dtype} of {tuple(image.shape)}"
        raise InputError(f"an exemplar must be a float tensor (B, 3, H, W), got {given}", field="exemplar")
    if not (image.min() >= -1 and image.max() <= 1):
        raise InputError("an exemplar must be in [-1, 1]", field="exemplar")
    return image.float()


def _fit(image: Tensor) -> Tensor:
    """The middle square of (B, 3, H, W), as (B, 3, 64, 64)."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(image[..., top : top + side, left : left + side], SIZE)
