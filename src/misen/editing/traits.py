"""Where each trait of a head shows: the parts that a wish for it concerns, and that must be seen to tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from misen.scene.anatomy import CLASSES
from misen.scene.attributes import ATTRIBUTES

BODY = ("skin", "neck", "ear", "nose")
FACE = ("skin", "nose", "eye", "iris", "brow", "upper lip", "lower lip", "mouth")
CONCERNS: Mapping[str, tuple[str, ...]] = {
    "skin_tone": BODY,
    "hair_style": ("hair",),
    "hair_color": ("hair", "brow", "facial hair"),
    "eye_color": ("eye", "iris"),
    "glasses": ("glasses", "eye", "iris"),
    "hat": ("hat", "hair"),
    "hat_color": ("hat",),
    "facial_hair": ("facial hair", "upper lip", "lower lip"),
    "earrings": ("earring", "ear"),
    "expression": (*FACE, "facial hair"),
    "shirt_color": ("shirt",),
    "shirt_style": ("shirt", "neck"),
    "background": CLASSES[:1],
    "age": (*FACE, "neck", "hair"),
    "presentation": (*FACE, "neck", "facial hair"),
    "material": CLASSES[1:],
}
"""The parts that may change when a trait does."""
TELLING: Mapping[str, tuple[str, ...]] = {
    "skin_tone": BODY,
    "hair_color": ("hair",),
    "eye_color": ("iris",),
    "hat_color": ("hat",),
    "earrings": ("ear", "earring"),
    "expression": ("upper lip", "lower lip", "mouth"),
    "shirt_color": ("shirt",),
    "shirt_style": ("shirt",),
    "background": CLASSES[:1],
    "facial_hair": ("skin",),
    "glasses": ("skin",),
    "age": ("skin",),
    "presentation": ("skin",),
}
"""The parts of which some must be seen before a trait can be told; the others can always be."""
ENOUGH = 6
"""Pixels at 64 px that a part must have to be seen."""
MARGIN = 2
"""Pixels around a part that belong to it, since the edge between two parts is never certain."""


def tellable(parts: Tensor) -> tuple[bool, ...]:
    """Which traits a map of parts (H, W) at 64 px lets one tell, in table order."""
    counts = torch.bincount(parts.flatten(), minlength=len(CLASSES))
    return tuple(int(counts[_numbers(TELLING.get(a.key, CLASSES))].sum()) >= ENOUGH for a in ATTRIBUTES)


def area(keys: Iterable[str], *maps: Tensor) -> Tensor:
    """(H, W) bool: where traits may change, in any of some maps of parts (H, W)."""
    chosen = torch.tensor(_numbers({part for key in keys for part in CONCERNS[key]}), dtype=torch.int64)
    found = torch.stack([torch.isin(parts, chosen) for parts in maps]).any(0)
    return functional.max_pool2d(found[None].float(), 2 * MARGIN + 1, 1, MARGIN)[0] > 0


def _numbers(parts: Iterable[str]) -> list[int]:
    return [CLASSES.index(part) for part in parts]
