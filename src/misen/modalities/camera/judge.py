"""Whether the judge sees the head from the wished side."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from misen.modalities.camera.signal import ANGLES, Camera
from misen.perception.senses import Look, Senses


class CameraJudge:
    """Absolute difference of angles, mean over yaw, pitch and roll."""

    metric = "mean absolute error of yaw, pitch and roll"
    unit = "degrees"
    higher_is_better = False

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Camera) -> Tensor:
        """(B,) degrees."""
        difference = self.look(images).camera - signal.pose[:, :ANGLES]
        wrapped = torch.remainder(difference + math.pi, 2 * math.pi) - math.pi
        return torch.rad2deg(wrapped.abs().mean(1))


def build(judge: Senses) -> CameraJudge:
    """The judge with its observer."""
    return CameraJudge(judge.observer())
