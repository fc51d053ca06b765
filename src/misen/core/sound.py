"""Sound as tensors: one channel (B, T) in [-1, 1] at 16 kHz, and the video frames that it lasts."""

from __future__ import annotations

RATE = 16_000
"""Samples per second of every sound inside; others are resampled at the edges."""
FRAME_RATE = 25
"""Video frames per second; frame k shows the moment (k + 0.5) / 25 s."""
SAMPLES = RATE // FRAME_RATE
"""Samples that a video frame lasts."""


def frames_of(samples: int) -> int:
    """How many video frames are needed to show ``samples`` of sound; the last may be half silent."""
    return -(-samples // SAMPLES)
