"""Raw pictures: what a ControlNet is shown as it is, where it was trained on drawings of another kind than ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import InputError
from misen.core.image import from_bytes, resize, to_bytes
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, color, open_pictures

RAW = "raw-"
"""Begins the names of what raw pictures guide, so that nothing but such a ControlNet takes them."""


@dataclass(frozen=True, eq=False, init=False)
class Raw(Batched):
    """Pictures that stand for signals of some modality; see :func:`raw`.

    Attributes:
        image: (B, 3, H, W) float32 in [-1, 1] in steps of 1/127.5, of any size.
    """

    modality: ClassVar[str]
    image: Tensor

    def __init__(self, pictures: Source | Sequence[Source]) -> None:
        """Pictures of one size; raises ``InputError`` for several."""
        images = [color(picture) for picture in open_pictures(pictures, self.modality)]
        if len(sizes := {tuple(image.shape[-2:]) for image in images}) > 1:
            listed = ", ".join(f"{width}x{height}" for height, width in sorted(sizes))
            raise InputError(f"raw pictures must be of one size, got {listed}", field=self.modality)
        self._keep(image=from_bytes(to_bytes(torch.cat(images))))

    @classmethod
    def parse(cls, argument: str) -> Self:
        """The picture in a file."""
        return cls(argument)

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


@cache
def raw(modality: str) -> type[Raw]:
    """The class of raw pictures that guide in place of signals of a modality."""
    return type("Raw", (Raw,), {"modality": RAW + modality})
