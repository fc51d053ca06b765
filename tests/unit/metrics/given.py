"""Inputs of golden.json."""

from __future__ import annotations

import numpy as np


def features() -> tuple[np.ndarray, np.ndarray]:
    """200 real and 180 fake features of 24 numbers, correlated and shifted."""
    draws = np.random.default_rng(7)
    mix = draws.normal(size=(24, 24))
    return draws.normal(size=(200, 24)) @ mix, 0.3 + 0.8 * draws.normal(size=(180, 24)) @ (mix + 0.4)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Two (3, 3, 40, 48) batches in [-1, 1]; the second is the first with noise."""
    draws = np.random.default_rng(8)
    first = draws.uniform(-1, 1, size=(3, 3, 40, 48)).cumsum(axis=3) / 12
    first = np.clip(first, -1, 1)
    return first, np.clip(first + draws.normal(scale=0.2, size=first.shape), -1, 1)
