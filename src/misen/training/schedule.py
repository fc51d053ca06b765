"""Learning rates as a pure function of the step and of where the cooldown began."""

from __future__ import annotations

import math

from misen.training.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, cooldown_start: int | None = None) -> float:
    """The learning rate of ``step``, counted from 0; ``cooldown_start`` matters to the trapezoid alone."""
    warm = min(1.0, (step + 1) / (config.warmup + 1))
    return config.lr * warm * _shape(config, step, cooldown_start)


def cooldown_due(config: TrainingConfig, step: int, minutes: float) -> bool:
    """Whether a trapezoid begins to fall at ``step``, ``minutes`` into the run."""
    return config.schedule == "trapezoid" and spent(config, step, minutes) >= 1 - config.cooldown


def spent(config: TrainingConfig, step: int, minutes: float) -> float:
    """Fraction of the run that is over, by steps or by minutes, whichever is more."""
    by_steps = step / config.steps if config.steps else 0.0
    by_minutes = minutes / config.max_minutes if config.max_minutes else 0.0
    return max(by_steps, by_minutes)


def _shape(config: TrainingConfig, step: int, cooldown_start: int | None) -> float:
    if config.schedule == "cosine" and config.steps:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, step / config.steps)))
    if config.schedule == "trapezoid" and cooldown_start is not None:
        return max(0.01, 1 - (step - cooldown_start) / _cooldown_steps(config, cooldown_start))
    return 1.0


def _cooldown_steps(config: TrainingConfig, start: int) -> float:
    """How many steps the rest of the run has, if it goes on at its pace."""
    paced = start * config.cooldown / (1 - config.cooldown)
    return max(1.0, min(paced, config.steps - start) if config.steps else paced)
