"""Who speaks, and where: the parameters of a voice, its room and its microphone."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

REFERENCE_LENGTH = 17.5
"""Length in cm of the vocal tract whose formants the phoneme table gives."""


@dataclass(frozen=True)
class Voice:
    """One speaker in one room.

    Attributes:
        pitch: Mean fundamental frequency in Hz, about 80 to 300.
        tract_length: Vocal tract in cm, about 12 (a child) to 19; formants scale with its inverse.
        speed: 1 is usual; 2 is twice as fast.
        breath: 0 (pressed) to 1 (whispery): aspiration in the voice and a softer source.
        melody: Size of pitch movements, 0 (monotone) to about 0.3.
        noise: Background noise, as a fraction of the speech's root mean square.
        room: Share of reverberation, 0 to about 0.5.
        bandwidth: Highest frequency in Hz that the microphone passes, at most 8000.
        level: Peak of the waveform, in (0, 1].
    """

    pitch: float = 120.0
    tract_length: float = REFERENCE_LENGTH
    speed: float = 1.0
    breath: float = 0.1
    melody: float = 0.12
    noise: float = 0.0
    room: float = 0.0
    bandwidth: float = 8000.0
    level: float = 0.7


def sample_voice(seed: int) -> Voice:
    """A voice as one may meet it: women and men, near and far, through good and poor microphones."""
    rng = Random(seed)
    height = rng.random()  # tall speakers have long tracts and low voices
    return Voice(
        pitch=260 * 0.36**height * rng.uniform(0.85, 1.15),
        tract_length=13.8 + 4.4 * height + rng.uniform(-0.5, 0.5),
        speed=rng.uniform(0.75, 1.5),
        breath=rng.random() ** 2 * 0.8,
        melody=rng.uniform(0.03, 0.25),
        noise=10 ** rng.uniform(-3.0, -0.9),
        room=rng.random() ** 2 * 0.4,
        bandwidth=rng.choice((3400.0, 4000.0, 6000.0, 8000.0)),
        level=rng.uniform(0.15, 0.95),
    )
