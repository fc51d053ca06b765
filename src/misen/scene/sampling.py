"""Records from seeds: a counter-based hash makes avatar ``seed`` the same on every machine and in every batch.

Source: Salmon et al. 2011 (parallel random numbers: as easy as 1, 2, 3), counter-based generators; the mixer is
splitmix64 of Steele, Lea and Flood 2014.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from misen.scene.anatomy import EXPRESSION_AXES, IDENTITY_AXES
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN
from misen.scene.record import Record

ATTRIBUTE_STREAM, IDENTITY_STREAM, EXPRESSION_STREAM, CAMERA_STREAM, LIGHT_STREAM, DETAIL_STREAM = range(6)
"""One stream of counters per field of a record."""
SKETCH_STREAM = 6
"""The stream of hand-drawn styles."""

WEIGHTS: dict[str, dict[str, float]] = {
    "hat": {"none": 0.45},
    "glasses": {"none": 0.40},
    "earrings": {"none": 0.60},
    "background": {"gradient": 0.20},
}
"""Probability of some values; the rest of a key shares the remainder evenly."""
FACIAL_HAIR_NONE = {"feminine": 0.94, "masculine": 0.28, "neutral": 0.52}
"""Probability of no facial hair, by presentation."""

RESPONSES: dict[str, dict[str, float]] = {
    "neutral": {},
    "smiling": {"smile": 0.95, "cheek raise": 0.55, "lip stretch": 0.15},
    "sad": {"frown": 1.0, "gaze pitch": -0.35},
    "surprised": {"jaw open": 0.80, "brow raise": 1.0, "lip round": 0.45},
    "angry": {"brow furrow": 1.0, "frown": 0.45, "jaw open": 0.42, "lip stretch": 0.70},
}
"""Expression coefficients of each expression value."""
NOISE = {
    "jaw open": 0.06,
    "lip stretch": 0.10,
    "lip round": 0.06,
    "brow raise": 0.08,
    "blink left": 0.08,
    "blink right": 0.08,
}
"""Largest random addition to an expression coefficient."""
GAZE = 0.35
"""Largest random gaze, of the axes' unit."""
DISTANCE, DISTANCE_SPREAD = 7.2, 0.4
"""Usual distance of the camera in head radii, and its largest random change."""
FIELD, FIELD_SPREAD = 3.56, 0.10
"""Usual width of what the picture shows at that distance, in head radii, and its largest random change."""


def _multiply(x: Tensor, constant: int) -> Tensor:
    return x * torch.tensor(
        constant - (1 << 64) if constant >= 1 << 63 else constant, dtype=torch.int64, device=x.device
    )


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift of int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = _multiply(x ^ _shift(x, 30), 0xBF58476D1CE4E5B9)
    x = _multiply(x ^ _shift(x, 27), 0x94D049BB133111EB)
    return x ^ _shift(x, 31)


def uniforms(seeds: Tensor, stream: int, count: int) -> Tensor:
    """(B, count) float64 in [0, 1), a pure function of (seed, stream, position)."""
    positions = torch.arange(1, count + 1, device=seeds.device)
    state = _mix(_multiply(seeds.to(torch.int64) + 1, 0x9E3779B97F4A7C15) ^ (stream + 1))
    mixed = _mix(state[:, None] + _multiply(positions, 0x9E3779B97F4A7C15))
    return _shift(mixed, 11).to(torch.float64) / (1 << 53)


def _probabilities(key: str) -> Tensor:
    values = BY_KEY[key].values
    fixed = WEIGHTS.get(key, {})
    rest = (1 - sum(fixed.values())) / (len(values) - len(fixed))
    return torch.tensor([fixed.get(value, rest) for value in values], dtype=torch.float64)


def _choose(uniform: Tensor, probabilities: Tensor) -> Tensor:
    """Index of the value whose share of [0, 1) contains the uniform."""
    edges = probabilities.cumsum(-1)[..., :-1].to(uniform.device)
    return (uniform[:, None] >= edges).sum(-1)


def _attributes(seeds: Tensor) -> Tensor:
    uniform = uniforms(seeds, ATTRIBUTE_STREAM, len(ATTRIBUTES))
    chosen = [_choose(uniform[:, i], _probabilities(a.key)) for i, a in enumerate(ATTRIBUTES)]
    column = COLUMN["facial_hair"]
    none = torch.tensor(
        [FACIAL_HAIR_NONE[value] for value in BY_KEY["presentation"].values], dtype=torch.float64, device=seeds.device
    )[chosen[COLUMN["presentation"]]]
    kinds = len(BY_KEY["facial_hair"]) - 1
    shares = torch.cat((none[:, None], ((1 - none) / kinds)[:, None].expand(-1, kinds)), dim=1)
    chosen[column] = _choose(uniform[:, column], shares)
    return torch.stack(chosen, dim=1)


def _normals(seeds: Tensor, count: int) -> Tensor:
    uniform = uniforms(seeds, IDENTITY_STREAM, count).clamp(1e-6, 1 - 1e-6)
    return (math.sqrt(2) * torch.erfinv(2 * uniform - 1)).clamp(-2.5, 2.5).float()


def respond(attributes: Tensor) -> Tensor:
    """(B, 12) expression coefficients that act out the expression value of (B, 16) attributes."""
    table = torch.tensor(
        [[RESPONSES[value].get(axis, 0.0) for axis in EXPRESSION_AXES] for value in BY_KEY["expression"].values],
        device=attributes.device,
    )
    return table[attributes[:, COLUMN["expression"]]]


def _expression(seeds: Tensor, attributes: Tensor) -> Tensor:
    uniform = uniforms(seeds, EXPRESSION_STREAM, len(EXPRESSION_AXES)).float()
    noise = uniform * torch.tensor([NOISE.get(axis, 0.0) for axis in EXPRESSION_AXES], device=seeds.device)
    gaze = torch.tensor([GAZE if axis.startswith("gaze") else 0.0 for axis in EXPRESSION_AXES], device=seeds.device)
    strength = 1 - 0.15 * uniforms(seeds, EXPRESSION_STREAM, len(EXPRESSION_AXES) + 1)[:, -1:].float()
    acted = respond(attributes) * strength + noise + gaze * (2 * uniform - 1)
    lowest = torch.where(gaze > 0, -1.0, 0.0)
    return acted.clamp(max=1.0).maximum(lowest)


def _cameras(seeds: Tensor, full_circle: float) -> Tensor:
    uniform = uniforms(seeds, CAMERA_STREAM, 7)
    centred = 2 * uniform - 1
    around = torch.where(uniform[:, 6] < full_circle, 180.0, 45.0)
    turned = (centred[:, 0] * around, centred[:, 1] * 15, centred[:, 2] * 8)
    distance = DISTANCE + DISTANCE_SPREAD * centred[:, 3]
    focal = distance / (FIELD + FIELD_SPREAD * centred[:, 4])
    return torch.stack([*(torch.deg2rad(angle) for angle in turned), distance, focal], dim=1).float()


def _lights(seeds: Tensor) -> Tensor:
    uniform = uniforms(seeds, LIGHT_STREAM, 3)
    side, up = 1.0 * (2 * uniform[:, 0] - 1), 0.35 + 0.55 * uniform[:, 1]
    direction = torch.stack((torch.sin(side) * torch.cos(up), torch.sin(up), torch.cos(side) * torch.cos(up)), dim=1)
    return torch.cat((direction, 0.85 + 0.3 * uniform[:, 2:]), dim=1).float()


def sample(seeds: Tensor, *, full_circle: float = 0.2) -> Record:
    """The avatars of some seeds.

    Args:
        seeds: (B,) integers.
        full_circle: share of avatars seen from anywhere on the full circle; the others have yaw within 45 degrees.
            Pitch is within 15 and roll within 8 degrees for all.

    Returns:
        B records; record k depends on ``seeds[k]`` (and ``full_circle``) alone.
    """
    attributes = _attributes(seeds)
    return Record(
        seed=seeds.to(torch.int64),
        identity=_normals(seeds, len(IDENTITY_AXES)),
        expression=_expression(seeds, attributes),
        attributes=attributes,
        camera=_cameras(seeds, full_circle),
        light=_lights(seeds),
        detail=uniforms(seeds, DETAIL_STREAM, 8).float(),
    )
