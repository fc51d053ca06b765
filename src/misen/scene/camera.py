"""The camera of a record: rotations, projection, and poses for multi-view work.

Camera space is x right, y up, z towards the viewer, with the camera at distance ``d`` on the z axis looking at
``TARGET``; the head (and its shirt) turns in front of it.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from misen.scene.record import Record

TARGET = (0.0, -0.13, 0.0)
"""The point of head space in the middle of the picture."""


def _rotation(angle: Tensor, first: int, second: int) -> Tensor:
    """(..., 3, 3) rotations that carry axis ``first`` towards axis ``second``."""
    matrix = torch.eye(3, device=angle.device).expand(*angle.shape, 3, 3).clone()
    cosine, sine = torch.cos(angle), torch.sin(angle)
    matrix[..., first, first], matrix[..., second, second] = cosine, cosine
    matrix[..., second, first], matrix[..., first, second] = sine, -sine
    return matrix


def yaw_matrix(angle: Tensor) -> Tensor:
    """Turns +z towards +x: a face looks to the right of the picture."""
    return _rotation(angle, 2, 0)


def pitch_matrix(angle: Tensor) -> Tensor:
    """Turns +z towards +y: a face looks up."""
    return _rotation(angle, 2, 1)


def roll_matrix(angle: Tensor) -> Tensor:
    """Turns +y towards +x: clockwise in the picture."""
    return _rotation(angle, 1, 0)


def view_rotation(camera: Tensor) -> Tensor:
    """(B, 3, 3) rotations from head space to camera space, of (B, 5) cameras."""
    return roll_matrix(camera[:, 2]) @ pitch_matrix(camera[:, 1]) @ yaw_matrix(camera[:, 0])


def to_camera(camera: Tensor, points: Tensor) -> Tensor:
    """(B, P, 3) points of head space in camera space (the origin is ``TARGET``)."""
    return (points - points.new_tensor(TARGET)) @ view_rotation(camera).transpose(1, 2)


def project(camera: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures of head-space points.

    Args:
        camera: (B, 5), see ``Record.camera``.
        points: (B, P, 3) in head radii.

    Returns:
        (B, P, 2) x, y in [0, 1] with (0, 0) top left, and (B, P) distances along the view axis.
    """
    seen = to_camera(camera, points)
    distance = camera[:, None, 3] - seen[..., 2]
    scale = camera[:, None, 4] / distance
    return torch.stack((0.5 + seen[..., 0] * scale, 0.5 - seen[..., 1] * scale), dim=-1), distance


def pose(record: Record) -> tuple[Tensor, Tensor]:
    """Camera-to-world matrices for radiance fields; the world is head space.

    Returns:
        (B, 4, 4) matrices (x right, y up, looking along -z) and (B,) focal lengths in picture widths.
    """
    rotation = view_rotation(record.camera).transpose(1, 2)
    matrix = torch.eye(4, device=rotation.device).repeat(len(record), 1, 1)
    matrix[:, :3, :3] = rotation
    matrix[:, :3, 3] = rotation[:, :, 2] * record.camera[:, 3:4] + rotation.new_tensor(TARGET)
    return matrix, record.camera[:, 4]


def orbit(record: Record, yaws: Tensor) -> Record:
    """Every avatar seen from every yaw, under a light that stays with the head.

    Args:
        record: B avatars.
        yaws: (V,) radians.

    Returns:
        B*V avatars, the views of one avatar adjacent; pitch, roll, distance and focal length are kept.
    """
    views = len(yaws)
    repeated = record[torch.arange(len(record), device=yaws.device).repeat_interleave(views)]
    camera = repeated.camera.clone()
    camera[:, 0] = yaws.to(camera).repeat(len(record))
    turn = view_rotation(camera) @ view_rotation(repeated.camera).transpose(1, 2)
    direction = (turn @ repeated.light[:, :3, None])[..., 0]
    return replace(repeated, camera=camera, light=torch.cat((direction, repeated.light[:, 3:]), dim=1))
