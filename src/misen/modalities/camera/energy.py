"""How far the angles the coach sees are from the wished ones."""

from __future__ import annotations

from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.camera.signal import ANGLES, Camera
from misen.perception.senses import Look, Senses


class CameraEnergy:
    """Sum over yaw, pitch and roll of 1 - cosine of the difference; distance and focal length are left alone."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Camera, first: View) -> Disagreement:
        """Fix the angles."""
        wanted = signal.pose[:, :ANGLES]

        def disagreement(view: View) -> Tensor:
            return (1 - (self.look(view.image).camera - wanted).cos()).sum(1)

        return disagreement


def build(coach: Senses) -> CameraEnergy:
    """The energy of what the coach's observer sees."""
    return CameraEnergy(coach.observer())
