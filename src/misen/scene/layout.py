"""Where the parts of an avatar are: masks, boxes and centres of labelled parts, from a segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from misen.scene.anatomy import CLASSES

_MOUTH = ("upper lip", "lower lip", "mouth")
_FACE = ("skin", "ear", "nose", "eye", "iris", "brow", *_MOUTH, "facial hair", "glasses")

PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "head": _FACE, "hair": ("hair",), "hat": ("hat",), "brows": ("brow",), "eyes": ("eye", "iris"),
    "glasses": ("glasses",), "ears": ("ear",), "earrings": ("earring",), "nose": ("nose",), "mouth": _MOUTH,
    "facial hair": ("facial hair",), "neck": ("neck",), "shirt": ("shirt",),
})  # fmt: skip
"""Labels of boxes and graph nodes, and the segmentation classes each consists of."""

LABELS: tuple[str, ...] = tuple(PARTS)
"""The labels in the order of every tensor here."""

MINIMUM_SHARE = 6 / 64**2
"""Smallest share of the picture a part must cover to be present: 6 pixels at 64 px."""

_MEMBERSHIP = torch.tensor([[name in classes for classes in PARTS.values()] for name in CLASSES])


class Boxes(NamedTuple):
    """Boxes of B pictures.

    Attributes:
        corners: (B, 13, 4) float32 x0, y0, x1, y1 in [0, 1], edges of the outermost pixels; 0 where not present.
        present: (B, 13) bool.
    """

    corners: Tensor
    present: Tensor


def part_masks(segmentation: Tensor) -> Tensor:
    """(B, 13, H, W) bool masks of ``LABELS`` from (B, H, W) class ids."""
    return _MEMBERSHIP.to(segmentation.device)[segmentation.long()].movedim(-1, 1)


def boxes(segmentation: Tensor) -> Boxes:
    """The box around each part of (B, H, W) class ids; a part of too few pixels is not present."""
    masks = part_masks(segmentation)
    present = masks.float().mean(dim=(2, 3)) >= MINIMUM_SHARE
    x0, x1 = _extent(masks.any(dim=2))
    y0, y1 = _extent(masks.any(dim=3))
    return Boxes(torch.stack((x0, y0, x1, y1), dim=-1) * present[..., None], present)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """First and last edge, in [0, 1], of the occupied cells along the last axis."""
    size = occupied.shape[-1]
    first = occupied.int().argmax(dim=-1)
    last = size - occupied.flip(-1).int().argmax(dim=-1)
    return first / size, last / size


def centers(segmentation: Tensor) -> Tensor:
    """(B, 13, 2) float32 centroids x, y in [0, 1] of the parts of (B, H, W) class ids; 0 where there are no pixels."""
    masks = part_masks(segmentation).float()
    height, width = masks.shape[-2:]
    x = (torch.arange(width, device=masks.device) + 0.5) / width
    y = (torch.arange(height, device=masks.device) + 0.5) / height
    sums = torch.stack((masks.sum(dim=2) @ x, masks.sum(dim=3) @ y), dim=-1)
    return sums / masks.sum(dim=(2, 3)).clamp(min=1)[..., None]
