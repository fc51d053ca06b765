"""Agreement of class maps over a whole set: pixel accuracy and mean intersection over union.

Source: Long et al. 2015 (arXiv:1411.4038), section 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int, Integer
from torch import Tensor


@dataclass(frozen=True)
class Agreement:
    """How class maps agree with those that were wanted, over all their pixels.

    Attributes:
        pixel_accuracy: share of the pixels that are right.
        mean_iou: intersection over union, mean over the classes that occur.
        iou: intersection over union by class, of those that occur on either side.
    """

    pixel_accuracy: float
    mean_iou: float
    iou: Mapping[str, float]

    @classmethod
    def of(cls, counts: Int[Tensor, "classes classes"], classes: Sequence[str]) -> Agreement:
        """The figures of counted pixels, see ``confusion``, with the names of the classes."""
        overlaps = zip(classes, class_iou(counts).tolist(), strict=True)
        return cls(pixel_accuracy(counts), mean_iou(counts), {name: iou for name, iou in overlaps if iou == iou})


def confusion(
    seen: Integer[Tensor, "*pixels"], wanted: Integer[Tensor, "*pixels"], classes: int
) -> Int[Tensor, "{classes} {classes}"]:
    """(classes, classes) pixels by wanted class (rows) and seen class, of integer maps of one shape."""
    pairs = wanted.flatten().long() * classes + seen.flatten().long()
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def pixel_accuracy(counts: Int[Tensor, "classes classes"]) -> float:
    """Share of the pixels that are right."""
    return float(counts.diagonal().sum() / counts.sum())


def mean_iou(counts: Int[Tensor, "classes classes"]) -> float:
    """Intersection over union, mean over the classes that occur on either side."""
    return float(class_iou(counts).nanmean())


def class_iou(counts: Int[Tensor, "classes classes"]) -> Float64[Tensor, " classes"]:
    """(classes,) intersection over union of each class; NaN for one that occurs on neither side."""
    overlap = counts.diagonal().double()
    return overlap / (counts.sum(dim=0) + counts.sum(dim=1) - overlap)
