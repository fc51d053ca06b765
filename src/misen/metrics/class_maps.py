"""Agreement of class maps over a whole set: pixel accuracy and mean intersection over union.

Source: Long et al. 2015 (arXiv:1411.4038), section 5.
"""

from __future__ import annotations

import torch
from jaxtyping import Int, Integer
from torch import Tensor


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
    overlap = counts.diagonal().double()
    union = counts.sum(dim=0) + counts.sum(dim=1) - overlap
    return float((overlap / union).nanmean())
