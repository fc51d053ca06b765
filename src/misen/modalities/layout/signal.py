"""Labelled boxes: where the parts of the head should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, LimitError, brief, closest
from misen.core.signal import Batched
from misen.media.document import read_json
from misen.scene.layout import LABELS, boxes
from misen.scene.partial import tell
from misen.scene.truth import Truth

LIMIT = len(LABELS)
"""Most boxes of one picture: one per part."""
SHORTEST = 1 / 64
"""Shortest side of a box: a pixel of the smallest picture."""


@dataclass(frozen=True, eq=False, init=False)
class Layout(Batched):
    """Boxes around parts; parts without one are left open.

    Attributes:
        corners: (B, 13, 4) float32 x0, y0, x1, y1 in [0, 1] of each part of ``scene.layout.LABELS``; 0 where open.
        given: (B, 13) bool.
    """

    modality: ClassVar[str] = "layout"
    corners: Tensor
    given: Tensor

    def __init__(self, boxes: Sequence[Mapping[str, Any]]) -> None:
        """The boxes of one picture: ``[{"label": "glasses", "box": [x0, y0, x1, y1]}, ...]``.

        Raises:
            InputError: an unknown or repeated label, or a box that is none; the message gives its index.
            LimitError: more than ``LIMIT`` boxes.
        """
        found = _checked(boxes)
        self._keep(
            corners=torch.tensor([found.get(label, (0.0,) * 4) for label in LABELS])[None],
            given=torch.tensor([label in found for label in LABELS])[None],
        )

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The boxes of all parts or, half of the time, of some of them."""
        corners, present = boxes(truth.observation.segmentation)
        given = tell(present, seeds, cls.modality)
        return cls.of(corners=corners * given[..., None], given=given)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """The boxes in a JSON file."""
        return cls(read_json(argument))

    def to_json(self) -> list[dict[str, Any]]:
        """``{"boxes": [{"label": ..., "box": [x0, y0, x1, y1]}, ...]}``, in the order of the labels."""
        rows = zip(self.corners.tolist(), self.given.tolist(), strict=True)
        return [{"boxes": _listed(*row)} for row in rows]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises what the constructor raises."""
        if not all(isinstance(item, Mapping) and "boxes" in item for item in items):
            raise FormatError('each item must be {"boxes": [...]}', field=cls.modality)
        pictures = [cls(item["boxes"]) for item in items]
        return cls.of(corners=torch.cat([p.corners for p in pictures]), given=torch.cat([p.given for p in pictures]))

    def describe(self) -> list[str]:
        """The parts that have a box."""
        named = [[label for label, given in zip(LABELS, row, strict=True) if given] for row in self.given.tolist()]
        return ["boxes of " + (", ".join(labels) or "nothing") for labels in named]

    def preview(self, size: int) -> Tensor:
        """White outlines on black."""
        half = 0.75 / size
        widened = self.corners.new_tensor([-half, -half, half, half])
        outlines = _inside(self.corners + widened, size) & ~_inside(self.corners - widened, size)
        drawn = (outlines & self.given[..., None, None]).any(1, keepdim=True)
        return (drawn.float() * 2 - 1).expand(-1, 3, -1, -1)


def _inside(corners: Tensor, size: int) -> Tensor:
    """(B, 13, size, size) bool: the pixels whose middle is in the box."""
    axis = (torch.arange(size, device=corners.device) + 0.5) / size
    x0, y0, x1, y1 = (edge[..., None] for edge in corners.unbind(2))
    return ((axis > x0) & (axis < x1))[:, :, None, :] & ((axis > y0) & (axis < y1))[:, :, :, None]


def _listed(corners: list[list[float]], given: list[bool]) -> list[dict[str, Any]]:
    rows = zip(LABELS, corners, given, strict=True)
    return [{"label": label, "box": box} for label, box, is_given in rows if is_given]


def _checked(items: Any) -> dict[str, tuple[float, ...]]:
    """The box of each label."""
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise InputError(f"a layout must be a list of boxes, got {type(items).__name__}", field="layout")
    if len(items) > LIMIT:
        hint = "give one box per part"
        raise LimitError(f"a layout has {len(items):,} boxes; the limit is {LIMIT}", field="layout", hint=hint)
    found: dict[str, tuple[float, ...]] = {}
    for index, item in enumerate(items):
        label, box = _entry(index, item)
        if label in found:
            raise InputError(f"box {index}: {label!r} is given twice", field="layout", hint="give one box around it")
        found[label] = _corners(index, box)
    return found


def _entry(index: int, item: Any) -> tuple[str, Any]:
    if not isinstance(item, Mapping) or "label" not in item or "box" not in item:
        hint = 'each must be {"label": ..., "box": [x0, y0, x1, y1]}'
        raise InputError(f"box {index} has no label or no corners: {brief(item)}", field="layout", hint=hint)
    if item["label"] not in LABELS:
        hint = closest(str(item["label"]), LABELS)
        raise InputError(f"box {index}: there is no part {item['label']!r}", field="layout", hint=hint)
    return item["label"], item["box"]


def _corners(index: int, box: Any) -> tuple[float, ...]:
    try:
        x0, y0, x1, y1 = (float(value) for value in box)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"box {index} must be [x0, y0, x1, y1], got {brief(box)}", field="layout") from None
    shown = f"[{x0:g}, {y0:g}, {x1:g}, {y1:g}]"
    if not all(0 <= value <= 1 for value in (x0, y0, x1, y1)):
        hint = "divide pixels by the picture's size"
        raise InputError(f"box {index} must have corners from 0 to 1, got {shown}", field="layout", hint=hint)
    if x1 - x0 < SHORTEST or y1 - y0 < SHORTEST:
        hint = "x0 must be left of x1 and y0 above y1, by at least 1/64"
        raise InputError(f"box {index} is empty or turned over: {shown}", field="layout", hint=hint)
    return x0, y0, x1, y1
