"""When each phoneme sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from misen.core.errors import InputError
from misen.scene.speech.phonemes import PHONEMES, Phoneme


@dataclass(frozen=True)
class TimedPhoneme:
    """A phoneme of an utterance.

    Attributes:
        symbol: Key of ``phonemes.PHONEMES``.
        start: Seconds from the beginning of the waveform.
        end: Seconds.
    """

    symbol: str
    start: float
    end: float

    @property
    def phoneme(self) -> Phoneme:
        """What it sounds and looks like."""
        return PHONEMES[self.symbol]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


def schedule(symbols: Sequence[str], speed: float, rng: Random) -> tuple[TimedPhoneme, ...]:
    """The symbols one after the other between two pauses, of uneven length and slower towards the end.

    Raises:
        InputError: A symbol is not a phoneme.
    """
    unknown = sorted(set(symbols) - set(PHONEMES))
    if unknown:
        raise InputError(f"no phoneme {unknown[0]!r}; known are {' '.join(PHONEMES)}", field="phonemes")
    timed, now = [], 0.0
    full = ("_", *symbols, "_")
    for position, symbol in enumerate(full):
        final = 1.25 if position >= len(full) - 3 else 1.0
        seconds = PHONEMES[symbol].seconds * final * rng.uniform(0.85, 1.2) / speed
        timed.append(TimedPhoneme(symbol, now, now + seconds))
        now += seconds
    return tuple(timed)
