"""Points of a face."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, brief, closest
from misen.core.signal import Batched
from misen.media.document import read_json
from misen.scene.anatomy import LANDMARKS
from misen.scene.partial import tell
from misen.scene.truth import Truth

Point = Sequence[float] | None


@dataclass(frozen=True, eq=False, init=False)
class Landmarks(Batched):
    """Where points of the face fall; points not given may fall anywhere.

    Attributes:
        points: (B, 32, 2) float32 x, y in [0, 1], (0, 0) top left; 0 where not given.
        given: (B, 32) bool.
    """

    modality: ClassVar[str] = "landmarks"
    points: Tensor
    given: Tensor

    def __init__(self, points: Sequence[Point] | Mapping[str, Point]) -> None:
        """The points of one face: 32 of them, ``None`` where open, or some by their names of ``anatomy.LANDMARKS``.

        Raises:
            InputError: another number of points, an unknown name, or a point that is not two numbers in [0, 1].
        """
        listed = [_checked(i, point) for i, point in enumerate(_ordered(points))]
        given = torch.tensor([point is not None for point in listed])
        self._keep(points=torch.tensor([point or (0.0, 0.0) for point in listed])[None], given=given[None])

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """All visible points of each face or, half of the time, some of them."""
        given = tell(truth.observation.landmarks_visible, seeds, cls.modality)
        return cls.of(points=(truth.observation.landmarks * given[..., None]).clamp(0, 1), given=given)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """The points in a JSON file."""
        return cls(read_json(argument))

    def to_json(self) -> list[dict[str, Any]]:
        """``{"points": [[x, y], ...]}``, null where open."""
        rows = zip(self.points.tolist(), self.given.tolist(), strict=True)
        return [{"points": [p if g else None for p, g in zip(*row, strict=True)]} for row in rows]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError`` or ``InputError``."""
        if not all(isinstance(item, Mapping) and "points" in item for item in items):
            raise FormatError('each item must be {"points": [...]}', field=cls.modality)
        faces = [cls(item["points"]) for item in items]
        return cls.of(points=torch.cat([f.points for f in faces]), given=torch.cat([f.given for f in faces]))

    def describe(self) -> list[str]:
        """How many points are given."""
        return [f"{count} of {len(LANDMARKS)} points" for count in self.given.sum(1).tolist()]

    def preview(self, size: int) -> Tensor:
        """White dots on black."""
        axis = (torch.arange(size, device=self.points.device) + 0.5) / size
        across = (self.points[..., 0, None] - axis).square()[:, :, None, :]
        down = (self.points[..., 1, None] - axis).square()[:, :, :, None]
        dots = ((across + down) < 0.016**2) & self.given[..., None, None]
        return (dots.any(1, keepdim=True).float() * 2 - 1).expand(-1, 3, -1, -1)


def _ordered(points: Any) -> Sequence[Point]:
    """32 points in order, of a list or of some by name."""
    if isinstance(points, Mapping):
        if unknown := next((name for name in points if name not in LANDMARKS), None):
            raise InputError(f"there is no landmark {unknown!r}", field="landmarks", hint=closest(unknown, LANDMARKS))
        return [points.get(name) for name in LANDMARKS]
    if not isinstance(points, Sequence) or isinstance(points, str):
        raise InputError(f"landmarks must be a list of points, got {type(points).__name__}", field="landmarks")
    if len(points) != len(LANDMARKS):
        hint = "use null for a point that is not known"
        raise InputError(f"landmarks must be {len(LANDMARKS)} points, got {len(points)}", field="landmarks", hint=hint)
    return points


def _checked(index: int, point: Point) -> tuple[float, float] | None:
    if point is None:
        return None
    name = f"landmark {index} ({LANDMARKS[index]})"
    try:
        x, y = (float(value) for value in point)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} must be [x, y] or null, got {brief(point)}", field="landmarks") from None
    if not (0 <= x <= 1 and 0 <= y <= 1):
        reason = "is not a number" if math.isnan(x + y) else "lies outside the picture"
        hint = "x and y must be from 0 to 1, (0, 0) at the top left; use null for a point out of sight"
        raise InputError(f"{name} {reason}: [{x:g}, {y:g}]", field="landmarks", hint=hint)
    return x, y
