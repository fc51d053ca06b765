"""Scene graphs: which of a fixed list of (subject, relation, object) triples are true of an avatar's picture.

Every triple can be checked from a picture by an observer of attributes and segmentation: who wears what and which
color things have from the attributes, what lies above or beside what from the centres of the parts.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from hashlib import sha256
from itertools import combinations

import torch
from torch import Tensor

from misen.scene.anatomy import RELATIONS
from misen.scene.attributes import ATTRIBUTES, BY_KEY, CLOTH_COLORS, COLUMN, KEYS
from misen.scene.layout import LABELS, Boxes, boxes, centers

MARGIN = 0.06
"""Smallest distance of two centres, in picture sizes, at which one is beside or above the other."""

Triple = tuple[str, str, str]

_WEARABLE = ("glasses", "hat", "earrings")
_COLORED = {
    "hair": "hair_color", "eyes": "eye_color", "hat": "hat_color", "shirt": "shirt_color", "background": "background",
}  # fmt: skip
_PLACED = ("head", "hair", "hat", "eyes", "glasses", "earrings", "nose", "mouth", "facial hair", "shirt")
_DIRECTIONS = ("left of", "right of", "above", "below")

NODES: tuple[str, ...] = tuple(
    dict.fromkeys([*LABELS, "background", *CLOTH_COLORS, *BY_KEY["hair_color"].values, *BY_KEY["eye_color"].values])
)
"""Subjects and objects: parts, the background, and colors."""


def _wearing() -> Iterator[Triple]:
    return (("head", "wearing", thing) for thing in _WEARABLE)


def _colors() -> Iterator[Triple]:
    return (
        (part, "has color", color) for part, key in _COLORED.items() for color in BY_KEY[key].values if color in NODES
    )


def _places() -> Iterator[Triple]:
    return ((a, direction, b) for direction in _DIRECTIONS for a in _PLACED for b in _PLACED if a != b)


_IN_FRONT: Triple = ("glasses", "in front of", "eyes")

TRIPLES: tuple[Triple, ...] = (*_wearing(), *_colors(), _IN_FRONT, *_places())
"""Every triple a graph can contain, in the order of every tensor here."""

TRIPLE_INDICES: Tensor = torch.tensor([[NODES.index(a), RELATIONS.index(r), NODES.index(b)] for a, r, b in TRIPLES])
"""(T, 3) int64: node, relation and node of each triple, indices into ``NODES`` and ``anatomy.RELATIONS``."""

HELD_OUT_SHARE = 0.03
"""Share of the pairs of facts that training A is never told together; one graph in nine tells such a pair."""


def _held_out(pair: tuple[Triple, Triple]) -> bool:
    digest = sha256(f"misen-relations/{pair}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < HELD_OUT_SHARE


def _pairs_of_facts() -> Iterator[tuple[Triple, Triple]]:
    return ((a, b) for a, b in combinations([*_wearing(), *_colors()], 2) if (a[0], a[1]) != (b[0], b[1]))


HELD_OUT: tuple[tuple[Triple, Triple], ...] = tuple(filter(_held_out, _pairs_of_facts()))
"""Pairs of things worn and colors, the earlier triple first, that no graph of a training avatar tells together."""


def told_too_much(told: Tensor) -> Tensor:
    """(B, T) bool: the later triple of every held-out pair that graphs ``told`` (B, T) tell together."""
    later = torch.zeros(len(TRIPLES), len(TRIPLES), device=told.device)
    for first, second in HELD_OUT:
        later[TRIPLES.index(first), TRIPLES.index(second)] = 1
    return told & (told.float() @ later > 0)


def graph(attributes: Tensor, visible: Tensor, segmentation: Tensor) -> Tensor:
    """Which triples are true of B pictures.

    Args:
        attributes: (B, 16) int64 value indices.
        visible: (B, 16) bool; wearing and color are told of visible attributes only.
        segmentation: (B, H, W) class ids.

    Returns:
        (B, T) bool over ``TRIPLES``.
    """
    worn = [_is_worn(attributes, visible, key) for key in _WEARABLE]
    colored = [_has_color(attributes, visible, part, color) for part, _, color in _colors()]
    places, center = boxes(segmentation), centers(segmentation)
    told = torch.stack([*worn, *colored, _glasses_cover_eyes(places, center)], dim=1)
    return torch.cat((told, _directions(places.present, center)), dim=1)


def triples(values: Mapping[str, str], visible: Container[str], segmentation: Tensor) -> list[Triple]:
    """The true triples of one picture with (H, W) class ids."""
    attributes = torch.tensor([[a.index(values[a.key]) for a in ATTRIBUTES]], device=segmentation.device)
    seen = torch.tensor([[key in visible for key in KEYS]], device=segmentation.device)
    true = graph(attributes, seen, segmentation[None])[0].tolist()
    return [triple for triple, holds in zip(TRIPLES, true, strict=True) if holds]


def _is_worn(attributes: Tensor, visible: Tensor, key: str) -> Tensor:
    return visible[:, COLUMN[key]] & (attributes[:, COLUMN[key]] != BY_KEY[key].index("none"))


def _has_color(attributes: Tensor, visible: Tensor, part: str, color: str) -> Tensor:
    key = _COLORED[part]
    equal = attributes[:, COLUMN[key]] == BY_KEY[key].index(color)
    there = attributes[:, COLUMN["hat"]] != BY_KEY["hat"].index("none") if part == "hat" else True
    return visible[:, COLUMN[key]] & equal & there


def _glasses_cover_eyes(places: Boxes, center: Tensor) -> Tensor:
    corners, present = places
    glasses, eyes = LABELS.index("glasses"), LABELS.index("eyes")
    inside = (center[:, eyes] >= corners[:, glasses, :2]) & (center[:, eyes] <= corners[:, glasses, 2:])
    return inside.all(dim=1) & present[:, glasses] & present[:, eyes]


def _directions(present: Tensor, center: Tensor) -> Tensor:
    """(B, 4 * 90) bool: left of, right of, above and below, for every ordered pair of placed parts."""
    placed = torch.tensor([LABELS.index(part) for part in _PLACED], device=center.device)
    center, present = center[:, placed], present[:, placed]
    x, y = (center[:, :, None] - center[:, None, :]).unbind(dim=-1)  # (B, subject, object)
    both = present[:, :, None] & present[:, None, :]
    different = ~torch.eye(len(_PLACED), dtype=torch.bool, device=center.device)
    offsets = torch.stack((-x, x, -y, y), dim=1)
    return ((offsets > MARGIN) & both[:, None])[:, :, different].flatten(1)
