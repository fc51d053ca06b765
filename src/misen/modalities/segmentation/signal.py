"""Maps that say which part of the head is seen at each pixel."""

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
from misen.core.image import from_bytes, square
from misen.core.signal import Batched
from misen.media import png
from misen.media.picture import Source, on_paper, open_pictures
from misen.scene.anatomy import CLASSES
from misen.scene.truth import Truth

SIZE = 64
PALETTE: tuple[str, ...] = (
    "#20242c", "#f2c9a1", "#c98f63", "#e58f8f", "#ffe08a", "#ffffff", "#3fa7d6", "#5a3d2b", "#d1495b", "#8c1c3a",
    "#5c0a1e", "#8a5a2b", "#b08968", "#7b5ea7", "#00c2a8", "#ffb400", "#3d6fd1",
)  # fmt: skip
"""Published color of each class of ``anatomy.CLASSES``; a colored map may be up to ``TOLERANCE`` off."""
TOLERANCE = 10
"""Largest difference of a color channel (of 255) from the palette."""

_COLORS = torch.tensor([[int(code[at : at + 2], 16) for at in (1, 3, 5)] for code in PALETTE], dtype=torch.uint8)
_PALETTE_BYTES = bytes(_COLORS.flatten().tolist())


@dataclass(frozen=True, eq=False, init=False)
class Segmentation(Batched):
    """What is where.

    Attributes:
        labels: (B, 64, 64) uint8 class ids of ``anatomy.CLASSES``.
    """

    modality: ClassVar[str] = "segmentation"
    labels: Tensor

    def __init__(self, maps: Tensor | Source | Sequence[Source]) -> None:
        """Maps of any size: an integer tensor (H, W) or (B, H, W) of ids, or pictures of ids or published colors.

        Raises:
            InputError: ids or colors that are no class, with their number of pixels.
        """
        if isinstance(maps, Tensor):
            labels = _checked(maps)
        else:
            labels = torch.cat([_fit(_read(picture)) for picture in open_pictures(maps, self.modality)])
        self._keep(labels=_fit(labels))

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The true map."""
        return cls(truth.observation.segmentation)

    @classmethod
    def open(cls, path: str) -> Self:
        """The map in a picture file."""
        return cls(path)

    parse = open

    def to_json(self) -> list[dict[str, Any]]:
        """``{"png": ...}``, a palette picture whose values are class ids."""
        return [{"png": png.to_text(labels.cpu().numpy(), _PALETTE_BYTES)} for labels in self.labels]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError`` or ``InputError``."""
        return cls([png.from_text(item, cls.modality) for item in items])

    def describe(self) -> list[str]:
        """The classes present, largest first."""
        return [_parts(labels) for labels in self.labels]

    def preview(self, size: int) -> Tensor:
        """The map in the published colors."""
        colors = from_bytes(_COLORS.to(self.labels.device)[self.labels.long()])
        return functional.interpolate(colors, (size, size), mode="nearest-exact")


def _checked(labels: Tensor) -> Tensor:
    if labels.is_floating_point() or labels.ndim < 2 or 0 in labels.shape:
        given = f"{labels.dtype} of {tuple(labels.shape)}"
        raise InputError(f"a map must hold whole numbers, got {given}", field="segmentation")
    wrong = labels[(labels < 0) | (labels >= len(CLASSES))]
    if len(wrong):
        ids, counts = wrong.unique(return_counts=True)
        found = ", ".join(f"{i} ({n} pixels)" for i, n in zip(ids.tolist()[:5], counts.tolist(), strict=False))
        allowed = ", ".join(f"{i} {name}" for i, name in enumerate(CLASSES))
        raise InputError(f"the map holds unknown class ids: {found}", field="segmentation", hint=f"allowed: {allowed}")
    return labels.to(torch.uint8).reshape(-1, *labels.shape[-2:])


def _fit(labels: Tensor) -> Tensor:
    """(B, H, W) -> (B, 64, 64), padded to a square with background."""
    padded = square(labels[:, None], 0)
    return functional.interpolate(padded.to(torch.uint8), (SIZE, SIZE), mode="nearest-exact")[:, 0]


def _read(picture: Image.Image) -> Tensor:
    """(1, H, W) ids of a picture: greys and foreign palettes hold ids, colors are looked up in the palette."""
    if picture.mode == "P" and not _is_published(picture):
        return _checked(torch.from_numpy(np.array(picture, np.int64))[None])
    if picture.mode in ("1", "L", "I", "I;16"):
        return _checked(torch.from_numpy(np.array(picture).astype(np.int64))[None])
    return _match(torch.from_numpy(np.array(on_paper(picture))))[None]


def _is_published(picture: Image.Image) -> bool:
    """Whether all colors a palette picture uses are ours, in whatever order its editor keeps them."""
    used = np.unique(np.array(picture.convert("RGB")).reshape(-1, 3), axis=0)
    return {tuple(color) for color in used.tolist()} <= {tuple(color) for color in _COLORS.tolist()}


def _match(pixels: Tensor) -> Tensor:
    """(H, W) ids of (H, W, 3) colors."""
    found, inverse, counts = pixels.reshape(-1, 3).unique(dim=0, return_inverse=True, return_counts=True)
    distance, nearest = (found[:, None].int() - _COLORS.int()).abs().amax(2).min(1)
    if (wrong := distance > TOLERANCE).any():
        order = counts[wrong].argsort(descending=True)[:5]
        rows = zip(found[wrong][order].tolist(), counts[wrong][order].tolist(), strict=True)
        listed = ", ".join("#{:02x}{:02x}{:02x} ({} pixels)".format(*color, count) for color, count in rows)
        allowed = ", ".join(f"{name} {code}" for name, code in zip(CLASSES, PALETTE, strict=True))
        raise InputError(
            f"the map holds {int(wrong.sum())} colors that mean no class: {listed}",
            field="segmentation", hint=f"turn anti-aliasing off; allowed: {allowed}",
        )  # fmt: skip
    ids: Tensor = nearest[inverse]
    return ids.reshape(pixels.shape[:2])


def _parts(labels: Tensor) -> str:
    counts = torch.bincount(labels.flatten().long(), minlength=len(CLASSES))
    return "map of " + ", ".join(CLASSES[i] for i in counts.argsort(descending=True, stable=True).tolist() if counts[i])
