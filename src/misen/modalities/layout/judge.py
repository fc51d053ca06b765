"""Whether the parts the judge sees fill their boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.layout.signal import Layout
from misen.perception.senses import Look, Senses
from misen.scene.layout import boxes


class LayoutJudge:
    """Intersection over union of given and seen boxes, mean over the given ones; NaN if none is given."""

    metric = "mean box IoU"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Layout) -> Tensor:
        """(B,) mean IoU; a part that is not seen counts 0."""
        seen = boxes(self.look(images).segmentation.argmax(1))
        overlap = box_iou(seen.corners, signal.corners) * seen.present
        return (overlap * signal.given).sum(1) / signal.given.sum(1)


def box_iou(first: Tensor, second: Tensor) -> Tensor:
    """(...) intersection over union of boxes (..., 4)."""
    low, high = torch.maximum(first[..., :2], second[..., :2]), torch.minimum(first[..., 2:], second[..., 2:])
    shared = (high - low).clamp_min(0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(-1) for box in (first, second)]
    return shared / (sum(areas) - shared).clamp_min(1e-9)


def build(judge: Senses) -> LayoutJudge:
    """The judge with its observer."""
    return LayoutJudge(judge.observer())
