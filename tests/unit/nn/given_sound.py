"""A sound for comparisons: the same numbers wherever numpy is."""

from __future__ import annotations

import numpy as np

SECONDS, RATE = 0.5, 16_000
ROWS, COLUMNS = 8, 7
"""Of a feature every so many channels and steps are kept."""


def waveform() -> np.ndarray:
    """(8000,) float32: a rising tone with overtones, a hiss that comes and goes, and a stretch of silence."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * (120 * time + 80 * time**2)) / k for k in range(1, 20))
    hiss = np.random.RandomState(0).standard_normal(len(time)) * (np.sin(2 * np.pi * 3 * time) > 0.5)
    sound = 0.2 * tone + 0.05 * hiss
    sound[6000:7000] = 0
    return sound.astype(np.float32)


def kept(feature: np.ndarray) -> list[list[float]]:
    """Some of (channels, steps), the first and the last among them."""
    some = feature[np.ix_(_some(len(feature), ROWS), _some(feature.shape[1], COLUMNS))]
    return [[float(f"{value:.7g}") for value in row] for row in some.tolist()]


def _some(size: int, every: int) -> list[int]:
    return sorted({*range(0, size, every), size - 1})
