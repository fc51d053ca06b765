"""How far the points the coach sees are from given ones."""

from __future__ import annotations

from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.landmarks.signal import Landmarks
from misen.perception.senses import Look, Senses

UNIT = 1 / 64
"""Distances are squared in this unit: a pixel of the observer's picture."""


class LandmarksEnergy:
    """Mean squared distance over the given points, in pixels; 0 if none is given."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Landmarks, first: View) -> Disagreement:
        """Fix the points."""
        count = signal.given.sum(1).clamp_min(1)

        def disagreement(view: View) -> Tensor:
            distance = ((self.look(view.image).landmarks - signal.points) / UNIT).square().sum(2)
            return (distance * signal.given).sum(1) / count

        return disagreement


def build(coach: Senses) -> LandmarksEnergy:
    """The energy of what the coach's observer sees."""
    return LandmarksEnergy(coach.observer())
