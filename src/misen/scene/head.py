"""The parametric head: a linear blendshape basis over the parameters of every primitive, and the geometry it yields.

Source: Blanz and Vetter 1999 (a morphable model for the synthesis of 3-D faces); deviation: the linear space is that
of primitive parameters (positions, log radii, angles, cuts) and drawn curves, not of mesh vertices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from misen.scene.anatomy import EXPRESSION_AXES, IDENTITY_AXES
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH
from misen.scene.axes import ATTRIBUTE, EXPRESSION, IDENTITY, Row
from misen.scene.camera import pitch_matrix, roll_matrix, yaw_matrix
from misen.scene.primitives import INDEX, PRIMITIVES, Conditions, Primitive
from misen.scene.record import Record

PARAMETERS = ("x", "y", "z", "rx", "ry", "rz", "yaw", "pitch", "roll", "cut", "second cut")
"""Parameters of a primitive, in order."""
NEVER = -9.0
"""A cut offset that removes nothing."""

_LIDS = {
    "upper": 0.60,
    "lower": 0.50,
    "slant": 0.06,
    "width": 0.84,
    "blink": 0.0,
    "gaze x": 0.0,
    "gaze y": 0.0,
    "iris": 0.49,
}
_LIPS = {"width": 0.58, "open up": 0.0, "open down": 0.0, "corner": 0.05, "upper": 0.15, "lower": 0.20, "line": 0.0}
CURVES: dict[str, dict[str, float]] = {"left lids": _LIDS, "right lids": _LIDS, "lips": _LIPS}
"""Drawn curves and their resting parameters, in the unit coordinates of the eye and mouth primitives."""
_SKULL_BASE = tuple(INDEX[name] for name in ("cranium", "jaw", "left cheek", "right cheek"))
_MIRRORED = ("x", "yaw", "roll")


def _expand(row: Row) -> Iterator[Row]:
    """Resolves ``* name`` into its two mirrored rows."""
    target, parameter, amount = row
    if not target.startswith("* "):
        yield row
        return
    yield f"right {target[2:]}", parameter, amount
    yield f"left {target[2:]}", parameter, -amount if parameter in _MIRRORED and "lids" not in target else amount


def _resting(primitive: Primitive) -> list[float]:
    cuts = [plane[3] for plane in primitive.planes] + [NEVER] * (2 - len(primitive.planes))
    logs = [float(torch.tensor(radius).log()) for radius in primitive.radii]
    return [*primitive.centre, *logs, *primitive.angles, *cuts]


@dataclass(frozen=True)
class Shape:
    """Parameters of B heads: a point of the linear space.

    Attributes:
        primitives: (B, P, 11) in the order of ``PARAMETERS``.
        curves: name -> (B, n) parameters of a drawn curve, in the order of ``CURVES[name]``.
    """

    primitives: Tensor
    curves: dict[str, Tensor]

    def curve(self, name: str, parameter: str) -> Tensor:
        """(B,) one parameter of one drawn curve."""
        return self.curves[name][:, list(CURVES[name]).index(parameter)]


class HeadBasis:
    """The 3DMM: ``p = resting + coefficients @ directions``.

    Attributes:
        resting: (D,) parameters of the mean head.
        directions: (20 + 12 + one-hot width, D): identity axes, expression axes, attribute values.
    """

    def __init__(self) -> None:
        numbers = [number for primitive in PRIMITIVES for number in _resting(primitive)]
        self._places = {
            (p.name, parameter): i * len(PARAMETERS) + j
            for i, p in enumerate(PRIMITIVES)
            for j, parameter in enumerate(PARAMETERS)
        }
        for name, curve in CURVES.items():
            self._places.update({(name, parameter): len(numbers) + j for j, parameter in enumerate(curve)})
            numbers += curve.values()
        self.resting = torch.tensor(numbers)
        self.directions = torch.stack([self._direction(rows) for rows in self._axes()])

    @staticmethod
    def _axes() -> Iterator[tuple[Row, ...]]:
        yield from (IDENTITY[axis] for axis in IDENTITY_AXES)
        yield from (EXPRESSION[axis] for axis in EXPRESSION_AXES)
        yield from (ATTRIBUTE.get((a.key, value), ()) for a in ATTRIBUTES for value in a.values)

    def _direction(self, rows: tuple[Row, ...]) -> Tensor:
        direction = torch.zeros_like(self.resting)
        for row in rows:
            for target, parameter, amount in _expand(row):
                direction[self._places[target, parameter]] += amount
        return direction

    def shape(self, identity: Tensor, expression: Tensor, attributes: Tensor) -> Shape:
        """Linear decoding.

        Args:
            identity: (B, 20) coefficients.
            expression: (B, 12) coefficients.
            attributes: (B, 16) value indices.
        """
        coefficients = torch.cat((identity, expression, one_hot(attributes)), dim=1)
        flat = self.resting.to(identity) + coefficients @ self.directions.to(identity)
        count = len(PRIMITIVES) * len(PARAMETERS)
        sizes = [count, *(len(curve) for curve in CURVES.values())]
        body, *curves = flat.split(sizes, dim=1)
        return Shape(body.unflatten(1, (len(PRIMITIVES), len(PARAMETERS))), dict(zip(CURVES, curves, strict=True)))


def one_hot(attributes: Tensor) -> Tensor:
    """(B, ONE_HOT_WIDTH) float indicator of (B, 16) value indices."""
    where = attributes + torch.tensor(OFFSETS, device=attributes.device)
    return torch.zeros(len(attributes), ONE_HOT_WIDTH, device=attributes.device).scatter_(1, where, 1.0)


@cache
def head_basis() -> HeadBasis:
    """The basis, built once."""
    return HeadBasis()


@dataclass(frozen=True)
class Head:
    """B posed heads in head space, ready to be intersected.

    Attributes:
        shape: the parameters it was built from.
        centres: (B, P, 3).
        radii: (B, P, 3).
        axes: (B, P, 3, 3) rotations, local to head space.
        cuts: (B, P, 2) plane offsets in unit-sphere coordinates.
        present: (B, P) bool.
    """

    shape: Shape
    centres: Tensor
    radii: Tensor
    axes: Tensor
    cuts: Tensor
    present: Tensor

    def points(self, primitive: Tensor, local: Tensor) -> Tensor:
        """Head-space positions (B, N, 3) of unit-sphere points (B, N, 3) on primitives (N,)."""
        scaled = (local * self.radii[:, primitive]).unsqueeze(-1)
        return self.centres[:, primitive] + (self.axes[:, primitive] @ scaled)[..., 0]


def skin_surface(centres: Tensor, radii: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Height and slope of the bare face over the picture plane.

    Args:
        centres: (B, K, 3) of the K base ellipsoids.
        radii: (B, K, 3).
        x: (B, N) in head radii.
        y: (B, N).

    Returns:
        (B, N) z of the smooth union, and (B, N, 3) its outward normal.
    """
    # Shapes: B batch, N points, K ellipsoids.
    dx, dy = x[..., None] - centres[:, None, :, 0], y[..., None] - centres[:, None, :, 1]
    rx, ry, rz = radii[:, None].unbind(-1)
    inside = 1 - (dx / rx) ** 2 - (dy / ry) ** 2
    rise = rz * inside.clamp(min=1e-2).sqrt()
    height = centres[:, None, :, 2] + rise - 4 * (1e-2 - inside).clamp(min=0)
    weight = torch.softmax(30 * height, dim=-1)[..., None]
    normal = (weight * torch.stack((dx / rx**2, dy / ry**2, rise / rz**2), dim=-1)).sum(-2)
    return torch.logsumexp(30 * height, dim=-1) / 30, normal / normal.norm(dim=-1, keepdim=True)


def _framed(frame: str) -> list[int]:
    return [i for i, primitive in enumerate(PRIMITIVES) if primitive.frame == frame]


_FACE, _SKULL = _framed("face"), _framed("skull")
_HAIR = [i for i, primitive in enumerate(PRIMITIVES) if primitive.label == "hair"]


def _part_hair(numbers: Tensor, record: Record) -> Tensor:
    """Mirrors the hair of half of the avatars."""
    sign = torch.where(record.detail[:, 2] < 0.5, 1.0, -1.0)[:, None]
    flipped = numbers.clone()
    for parameter in _MIRRORED:
        flipped[:, _HAIR, PARAMETERS.index(parameter)] *= sign
    return flipped


def build_head(record: Record) -> Head:
    """The posed primitives of every avatar of a record."""
    shape = head_basis().shape(record.identity, record.expression, record.attributes)
    numbers = _part_hair(shape.primitives, record)
    centres, radii, angles = numbers[..., :3].clone(), numbers[..., 3:6].exp(), numbers[..., 6:9].clone()
    height, normal = skin_surface(
        centres[:, _SKULL_BASE], radii[:, _SKULL_BASE], centres[:, _FACE, 0], centres[:, _FACE, 1]
    )
    centres[:, _FACE, 2] += height
    angles[:, _FACE, 0] += 0.85 * torch.atan2(normal[..., 0], normal[..., 2])
    cranium = INDEX["cranium"]
    centres[:, _SKULL] = centres[:, cranium, None] + centres[:, _SKULL] * radii[:, cranium, None]
    radii[:, _SKULL] = radii[:, _SKULL] * radii[:, cranium, None]
    axes = yaw_matrix(angles[..., 0]) @ pitch_matrix(angles[..., 1]) @ roll_matrix(angles[..., 2])
    return Head(shape, centres, radii, axes, numbers[..., 9:11], presence(record.attributes))


@cache
def _wardrobe() -> tuple[Tensor, Tensor]:
    """(P, keys, values) tables: values that a primitive allows, per attribute."""
    width = max(len(attribute) for attribute in ATTRIBUTES)
    allowed = torch.ones(len(PRIMITIVES), len(ATTRIBUTES), width, dtype=torch.bool)
    for i, primitive in enumerate(PRIMITIVES):
        for key, values in primitive.when.items():
            allowed[i, COLUMN[key]] = _members(key, {key: values})
        for key, values in primitive.unless.items():
            allowed[i, COLUMN[key]] &= ~_members(key, {key: values})
    return allowed, torch.arange(len(ATTRIBUTES))


def _members(key: str, conditions: Conditions) -> Tensor:
    width = max(len(attribute) for attribute in ATTRIBUTES)
    member = torch.zeros(width, dtype=torch.bool)
    member[[BY_KEY[key].index(value) for value in conditions[key]]] = True
    return member


def presence(attributes: Tensor) -> Tensor:
    """(B, P) bool: which primitives exist, given (B, 16) value indices."""
    allowed, keys = (table.to(attributes.device) for table in _wardrobe())
    return allowed[:, keys, attributes].all(dim=-1).T
