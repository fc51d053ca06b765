"""Where the head is seen from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, brief, closest
from misen.core.signal import Batched, key_values
from misen.scene.sampling import DISTANCE, FIELD
from misen.scene.truth import Truth

FOCAL = DISTANCE / FIELD
"""Usual focal length in picture widths."""
RANGES: Mapping[str, tuple[float, float]] = {
    "yaw": (-180.0, 180.0), "pitch": (-90.0, 90.0), "roll": (-180.0, 180.0),
    "distance": (2.0, 50.0), "focal": (0.2, 20.0),
}  # fmt: skip
"""Accepted values: degrees, head radii, picture widths."""
ANGLES = 3


@dataclass(frozen=True, eq=False, init=False)
class Camera(Batched):
    """The view of the head.

    Attributes:
        pose: (B, 5) float32 yaw, pitch, roll in radians, distance in head radii, focal length in picture widths.
    """

    modality: ClassVar[str] = "camera"
    pose: Tensor

    def __init__(
        self, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, distance: float = DISTANCE, focal: float = FOCAL
    ) -> None:
        """One view, in degrees: positive yaw turns the face to the right of the picture, positive pitch looks up.

        Raises:
            InputError: a value outside ``RANGES``.
        """
        given = {"yaw": yaw, "pitch": pitch, "roll": roll, "distance": distance, "focal": focal}
        values = [_checked(name, value) for name, value in given.items()]
        self._keep(pose=torch.tensor([[*map(math.radians, values[:ANGLES]), *values[ANGLES:]]]))

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The true camera."""
        return cls.of(pose=truth.record.camera)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """``yaw=20,pitch=5``, in degrees."""
        return cls.from_json([{key: _number(key, value) for key, value in key_values(argument).items()}])

    def to_json(self) -> list[dict[str, Any]]:
        """``{"yaw": ..., "pitch": ..., "roll": ..., "distance": ..., "focal": ...}`` in degrees."""
        rows = [[*map(math.degrees, row[:ANGLES]), *row[ANGLES:]] for row in self.pose.tolist()]
        return [dict(zip(RANGES, row, strict=True)) for row in rows]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; what an item leaves out takes its usual value."""
        return cls.of(pose=torch.cat([cls(**_known(item)).pose for item in items]))

    def describe(self) -> list[str]:
        """The angles in degrees."""
        return ["yaw {yaw:.0f}°, pitch {pitch:.0f}°, roll {roll:.0f}°".format(**item) for item in self.to_json()]

    def preview(self, size: int) -> Tensor | None:
        """None: words say it better."""
        return None


def _known(item: Any) -> dict[str, float]:
    if not isinstance(item, Mapping):
        raise FormatError('each item must be an object such as {"yaw": 20}', field="camera")
    if unknown := next((str(key) for key in item if key not in RANGES), None):
        raise InputError(f"a camera has no {unknown!r}", field="camera", hint=closest(unknown, RANGES))
    return dict(item)


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"{key} must be a number, got {value!r}", field=key) from None


def _checked(name: str, value: object) -> float:
    low, high = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name} must be a number, got {brief(value)}", field=name)
    if not low - 1e-4 <= value <= high + 1e-4:
        unit = "degrees " if name in ("yaw", "pitch", "roll") else ""
        raise InputError(f"{name} must be {unit}from {low:g} to {high:g}, got {brief(value)}", field=name)
    return float(value)
