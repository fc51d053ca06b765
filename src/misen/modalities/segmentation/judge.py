"""Whether the parts the judge sees are where the map wants them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.modalities.segmentation.signal import Segmentation
from misen.perception.senses import Look, Senses
from misen.scene.anatomy import CLASSES


class SegmentationJudge:
    """Intersection over union, mean over the classes present in the map."""

    classes = CLASSES
    metric = "mean IoU over the classes present"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Segmentation) -> Tensor:
        """(B,) mean IoU."""
        seen, wanted = map(_one_hot, self.maps(images, signal))
        present = wanted.flatten(1, 2).any(1)
        overlap = (seen & wanted).sum((1, 2)) / (seen | wanted).sum((1, 2)).clamp_min(1)
        return (overlap * present).sum(1) / present.sum(1)

    @torch.no_grad()
    def maps(self, images: Tensor, signal: Segmentation) -> tuple[Tensor, Tensor]:
        """(B, 64, 64) class seen and class wanted at each pixel."""
        return self.look(images).segmentation.argmax(1), signal.labels.long()


def _one_hot(labels: Tensor) -> Tensor:
    return functional.one_hot(labels, len(CLASSES)).bool()


def build(judge: Senses) -> SegmentationJudge:
    """The judge with its observer."""
    return SegmentationJudge(judge.observer())
