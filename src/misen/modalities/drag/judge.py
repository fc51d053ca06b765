"""How much of their ways the points have come, by what the judge sees."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from misen.modalities.drag.signal import Drag
from misen.modalities.drag.tracking import Places, cell, follow, held, joined, take
from misen.perception.senses import Look, Senses

MARGIN = 3
"""Cells beyond the longest way in which a handle is sought."""


class DragJudge:
    """1 - distance left / length of the way, over all points of a picture; 0 where they came no nearer."""

    metric = "fraction of the distance covered"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Drag) -> Tensor:
        """(B,) of the points that are landmarks, which alone can be told without the picture before; else NaN."""
        given = signal.given & (signal.landmarks >= 0)
        return _covered(signal.handles, held(signal, self.look(images).landmarks), signal.targets, given)

    @torch.no_grad()
    def compare(self, before: Tensor, after: Tensor, signal: Drag) -> Tensor:
        """(B,) of all points, landmarks or not, which are found in both pictures (B, 3, H, W)."""
        old, new = self.look(before), self.look(after)
        start, maps = held(signal, old.landmarks), joined(new.pyramid)
        radius = MARGIN + math.ceil(float(((signal.targets - start) / cell(maps)).norm(dim=2).max()))
        found = follow(maps, take(joined(old.pyramid), start), start, radius)
        end = torch.where(signal.landmarks[..., None] >= 0, held(signal, new.landmarks), found)
        return _covered(start, end, signal.targets, signal.given)


def _covered(start: Places, end: Places, target: Places, given: Tensor) -> Tensor:
    """(B,) in [0, 1] of points (B, P, 2) that count where ``given``; NaN where none does."""
    left, whole = (((target - places).norm(dim=2) * given).sum(1) for places in (end, start))
    covered: Tensor = 1 - left / whole
    return covered.clamp_min(0)


def build(judge: Senses) -> DragJudge:
    """The judge with its observer."""
    return DragJudge(judge.observer())
