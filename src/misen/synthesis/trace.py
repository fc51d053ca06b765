"""Trace: what happened at each step, and the callback that may look at it and stop the walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from misen.core.estimate import Estimate
from misen.core.generator import Level


@dataclass(frozen=True)
class Step:
    """Figures of one step.

    Attributes:
        index: which step, from 0.
        level: the sampler's position before it.
        size: root mean square of the estimate.
        energies: mean disagreement by modality, for guidance by consistency.
        retried: whether it overflowed and was repeated in float32.
    """

    index: int
    level: Level
    size: float
    energies: Mapping[str, float]
    retried: bool = False


@dataclass(frozen=True)
class Moment:
    """What a callback sees after a step.

    Attributes:
        step: the figures.
        steps: how many steps the walk has.
        estimate: where the picture is going; ``estimate.view(estimate.point).image`` shows it.
    """

    step: Step
    steps: int
    estimate: Estimate


@runtime_checkable
class Watch(Protocol):
    """Called after each step; raises ``Cancelled`` (or anything else) to stop the walk there."""

    def __call__(self, moment: Moment) -> None:
        """Look at a moment."""
        ...


def silent(moment: Moment) -> None:
    """Watches nothing."""
