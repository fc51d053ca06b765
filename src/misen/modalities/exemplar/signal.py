"""A picture of the head that should be shown again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import InputError
from misen.core.image import from_bytes, resize, to_bytes
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, color, open_pictures
from misen.scene.truth import Truth

SIZE = 64


@dataclass(frozen=True, eq=False, init=False)
class Exemplar(Batched):
    """Whom to show, in any pose, expression and light.

    Attributes:
        image: (B, 3, 64, 64) float32 in [-1, 1] in steps of 1/127.5.
    """

    modality: ClassVar[str] = "exemplar"
    image: Tensor

    def __init__(self, pictures: Tensor | Source | Sequence[Source]) -> None:
        """Pictures of any size, of which the middle square counts, or a float tensor (B, 3, H, W) in [-1, 1].

        Raises:
            InputError: a tensor of another shape or range.
        """
        if isinstance(pictures, Tensor):
            image = _fit(_checked(pictures))
        else:
            image = torch.cat([_fit(color(picture)) for picture in open_pictures(pictures, self.modality)])
        self._keep(image=from_bytes(to_bytes(image)))

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The same identity in another pose, expression and light."""
        return cls(truth.exemplar)

    @classmethod
    def open(cls, path: str) -> Self:
        """The picture in a file."""
        return cls(path)

    parse = open

    def to_json(self) -> list[dict[str, Any]]:
        """``{"png": ...}``."""
        return [{"png": png.to_text(pixels)} for pixels in to_bytes(self.image).cpu().numpy()]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError``."""
        return cls([png.from_text(item, cls.modality) for item in items])

    def describe(self) -> list[str]:
        """That there is one."""
        return ["the head of a picture"] * len(self)

    def preview(self, size: int) -> Tensor:
        """The picture."""
        return resize(self.image, size)


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
