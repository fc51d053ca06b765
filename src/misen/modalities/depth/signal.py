"""Depth maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import InputError
from misen.core.image import resize, square
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, grey, open_pictures
from misen.scene.truth import Truth

SIZE = 64
STEPS = 65535
"""Depth is kept in this many steps, those of a 16-bit picture."""


@dataclass(frozen=True, eq=False, init=False)
class Depth(Batched):
    """How near the head is at each pixel.

    Attributes:
        nearness: (B, 1, 64, 64) float32 in [0, 1] in steps of 1/65535: 1 nearest, 0 the background.
    """

    modality: ClassVar[str] = "depth"
    nearness: Tensor

    def __init__(self, maps: Tensor | Source | Sequence[Source]) -> None:
        """Maps of any size: grey pictures of 8 or 16 bits, nearer is brighter, or a float tensor (..., H, W).

        Raises:
            InputError: values outside [0, 1].
        """
        if isinstance(maps, Tensor):
            nearness = _fit(_checked(maps).reshape(-1, 1, *maps.shape[-2:]))
        else:
            greys = [torch.from_numpy(grey(picture)) for picture in open_pictures(maps, self.modality)]
            nearness = torch.cat([_fit(picture[None, None]) for picture in greys])
        self._keep(nearness=(nearness * STEPS).round() / STEPS)

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The true depth."""
        return cls(truth.observation.depth)

    @classmethod
    def open(cls, path: str) -> Self:
        """The map in a picture file."""
        return cls(path)

    parse = open

    def to_json(self) -> list[dict[str, Any]]:
        """``{"png": ...}``, 16 bits."""
        pixels = (self.nearness[:, 0] * STEPS).round().cpu().numpy().astype(np.uint16)
        return [{"png": png.to_text(item)} for item in pixels]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError``."""
        return cls([png.from_text(item, cls.modality) for item in items])

    def describe(self) -> list[str]:
        """How much of the picture the head fills."""
        shares = (self.nearness > 0).float().mean((1, 2, 3)).tolist()
        return [f"depth of {share:.0%} of the picture" for share in shares]

    def preview(self, size: int) -> Tensor:
        """Nearer is brighter."""
        return functional.interpolate(self.nearness * 2 - 1, (size, size), mode="nearest-exact").expand(-1, 3, -1, -1)


def _checked(nearness: Tensor) -> Tensor:
    if not nearness.is_floating_point() or nearness.ndim < 2 or 0 in nearness.shape:
        given = f"{nearness.dtype} of {tuple(nearness.shape)}"
        raise InputError(f"depth must be a float tensor (..., H, W), got {given}", field="depth")
    if not (nearness.min() >= 0 and nearness.max() <= 1):
        raise InputError("depth must be from 0 (background) to 1 (nearest) everywhere", field="depth")
    return nearness.float()


def _fit(nearness: Tensor) -> Tensor:
    """(B, 1, H, W) -> (B, 1, 64, 64), padded to a square with background."""
    return resize(square(nearness, 0.0), SIZE).clamp(0, 1)
