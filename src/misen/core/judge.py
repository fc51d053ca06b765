"""Judges: independent measures of whether an image obeys a signal."""

from __future__ import annotations

from dataclasses import dataclass
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


@runtime_checkable
class Comparing(Protocol):
    """Capability of a judge: some signals ask for a change, of which the picture before it has to be known."""

    def compare(self, before: Images, after: Images, signal: Signal) -> PerItem:
        """(B,) scores, as of ``Judge.score``, of what became of pictures (B, 3, H, W)."""
        ...


@dataclass(frozen=True)
class Finding:
    """One trait that a signal asks for by name, and what a judge sees.

    Attributes:
        key: the trait, one of ``attributes.KEYS`` of the world.
        wanted: the value asked for; "not ..." where any other will do.
        seen: the value the judge sees.
        right: whether that is as wanted.
    """

    key: str
    wanted: str
    seen: str
    right: bool


@runtime_checkable
class Itemizing(Protocol):
    """Capability of a judge: says of each trait that a signal names whether it is there."""

    def findings(self, images: Images, signal: Signal) -> list[tuple[Finding, ...]]:
        """Per picture, one finding per trait named; none where the signal names nothing."""
        ...
