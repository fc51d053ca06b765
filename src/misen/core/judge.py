"""Judges: independent measures of whether an image obeys a signal."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from misen.core.shapes import Images, PerItem
from misen.core.signal import Signal


@runtime_checkable
class Judge(Protocol):
    """Scores images with networks that never steer and never train a generator.

    Attributes:
        metric: what the score is, e.g. "mean IoU over the classes present".
        unit: "" for fractions, else e.g. "px" or "degrees".
        higher_is_better: direction of the score.
    """

    metric: str
    unit: str
    higher_is_better: bool

    def score(self, images: Images, signal: Signal) -> PerItem:
        """(B,) scores of images (B, 3, H, W) in [-1, 1] against B signals; NaN where the signal asks for nothing."""
        ...
