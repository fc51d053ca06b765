"""Whether the depth the judge sees is the given one."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.depth.signal import Depth
from misen.perception.senses import Look, Senses


class DepthJudge:
    """Pearson correlation over the pixels of the given head; NaN where it has no relief."""

    metric = "Pearson correlation inside the head"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Depth) -> Tensor:
        """(B,) correlations."""
        inside = signal.nearness > 0
        seen, given = (_centred(depth, inside) for depth in (self.look(images).depth.float(), signal.nearness))
        return (seen * given).sum((1, 2, 3)) / (seen.square().sum((1, 2, 3)) * given.square().sum((1, 2, 3))).sqrt()


def _centred(depth: Tensor, inside: Tensor) -> Tensor:
    """(B, 1, H, W) less its mean inside, 0 outside."""
    mean = (depth * inside).sum((1, 2, 3), keepdim=True) / inside.sum((1, 2, 3), keepdim=True)
    return torch.where(inside, depth - mean, 0.0)


def build(judge: Senses) -> DepthJudge:
    """The judge with its observer."""
    return DepthJudge(judge.observer())
