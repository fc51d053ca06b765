"""Schedule: which part of the walk is walked, and how much of a strength is left at each position."""

from __future__ import annotations

from collections.abc import Sequence

from misen.core.generator import Annealing, Level, Sampler


def remaining(sampler: Sampler, level: Level) -> float:
    """The factor on every energy's strength: falling for samplers that walk, 1 for those that step."""
    return sampler.anneal(level) if isinstance(sampler, Annealing) else 1.0


def truncate(levels: Sequence[Level], strength: float) -> Sequence[Level]:
    """The last ``strength`` of the walk: everything at 1, nothing at 0."""
    return [level for level in levels if level.progress >= 1.0 - strength] if strength > 0 else []
