"""Signals that are pictures: opened from files, and written inside JSON as PNG."""

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


@dataclass(frozen=True, eq=False, init=False)
class Pictured(Batched):
    """Pictures that stand for themselves.

    Attributes:
        image: (B, 3, H, W) float32 in [-1, 1] in steps of 1/127.5.
    """

    modality: ClassVar[str]
    image: Tensor

    def __init__(self, pictures: Source | Sequence[Source]) -> None:
        """Pictures of one size; raises ``InputError`` for several."""
        images = [color(picture) for picture in open_pictures(pictures, self.modality)]
        if len(sizes := {tuple(image.shape[-2:]) for image in images}) > 1:
            listed = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
            raise InputError(f"pictures must be of one size, got {listed}", field=self.modality)
        self._hold(torch.cat(images))

    def _hold(self, image: Tensor) -> None:
        """Keep pictures (B, 3, H, W) as exactly as bytes do; for constructors."""
        self._keep(image=from_bytes(to_bytes(image)))

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
        """Their size."""
        height, width = self.image.shape[-2:]
        return [f"a picture of {width}x{height}"] * len(self)

    def preview(self, size: int) -> Tensor:
        """The picture."""
        return resize(self.image, size)
