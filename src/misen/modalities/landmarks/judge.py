"""Whether the points the judge sees are the given ones."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.landmarks.signal import Landmarks
from misen.perception.senses import Look, Senses

SIZE = 64
"""Errors are in pixels of a picture of this size."""


class LandmarksJudge:
    """Mean distance over the given points; NaN if none is given."""

    metric = "mean error over visible points"
    unit = "px"
    higher_is_better = False

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Landmarks) -> Tensor:
        """(B,) pixels at 64 px."""
        distance: Tensor = (self.look(images).landmarks - signal.points).norm(dim=2) * SIZE
        return (distance * signal.given).sum(1) / signal.given.sum(1)


def build(judge: Senses) -> LandmarksJudge:
    """The judge with its observer."""
    return LandmarksJudge(judge.observer())
