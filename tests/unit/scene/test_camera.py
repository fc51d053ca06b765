from __future__ import annotations

import math

import torch

from misen.scene.camera import orbit, pose, project, view_rotation
from misen.scene.sampling import sample

RECORD = sample(torch.arange(6))


def turned(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> torch.Tensor:
    return view_rotation(torch.tensor([[yaw, pitch, roll, 7.0, 2.0]]))[0]


def test_the_signs_of_the_angles() -> None:
    forward, up = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0])
    assert (turned(yaw=0.5) @ forward)[0] > 0, "positive yaw looks to the right"
    assert (turned(pitch=0.5) @ forward)[1] > 0, "positive pitch looks up"
    assert (turned(roll=0.5) @ up)[0] > 0, "positive roll tilts clockwise"


def test_poses_agree_with_the_projection() -> None:
    points = torch.randn(6, 20, 3, generator=torch.Generator().manual_seed(0))
    places, depth = project(RECORD.camera, points)
    matrices, focal = pose(RECORD)
    local = (points - matrices[:, None, :3, 3]) @ matrices[:, :3, :3]
    assert torch.allclose(-local[..., 2], depth, atol=1e-4)
    x = 0.5 + focal[:, None] * local[..., 0] / -local[..., 2]
    assert torch.allclose(x, places[..., 0], atol=1e-5)


def test_an_orbit_turns_the_camera_and_keeps_the_light_on_the_head() -> None:
    views = orbit(RECORD, torch.tensor([0.0, math.pi / 2]))
    assert len(views) == 12
    assert views.seed.tolist() == [seed for seed in range(6) for _ in range(2)]
    assert views.camera[::2, 0].abs().max() == 0
    on_head = (view_rotation(views.camera).transpose(1, 2) @ views.light[:, :3, None])[..., 0]
    assert torch.allclose(on_head[::2], on_head[1::2], atol=1e-5)
