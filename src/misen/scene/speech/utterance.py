"""Something said once: the waveform, what sounds when, and what the mouth does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from torch import Tensor

from misen.scene.speech.mouth import mouth_curves, viseme_frames
from misen.scene.speech.spelling import babble, spell
from misen.scene.speech.synthesizer import RATE, synthesize
from misen.scene.speech.timing import TimedPhoneme, schedule
from misen.scene.speech.voice import Voice, sample_voice


@dataclass(frozen=True)
class Utterance:
    """Something said once, with its truth.

    Attributes:
        waveform: (T,) float32 in [-1, 1].
        rate: Samples per second, always 16,000.
        phonemes: What sounds when, from 0 to the end without gaps; "_" is silence.
        mouth: (F, 3) float32 in [0, 1] along ``MOUTH_AXES`` at 25 frames per second; frame k shows (k + 0.5) / 25 s.
        visemes: (F,) int64 class of ``VISEMES`` at each frame.
    """

    waveform: Tensor
    rate: int
    phonemes: tuple[TimedPhoneme, ...]
    mouth: Tensor
    visemes: Tensor


def speak(words: str | Sequence[str], voice: Voice | None = None, seed: int = 0) -> Utterance:
    """Say English text, or a sequence of phoneme symbols, with a voice (the default one if ``None``).

    The same arguments give the same utterance.

    Raises:
        InputError: There is nothing to pronounce, or a symbol is not a phoneme.
    """
    voice = voice or Voice()
    symbols = spell(words) if isinstance(words, str) else tuple(words)
    timed = schedule(symbols, voice.speed, Random(seed))
    waveform = synthesize(timed, voice, np.random.default_rng(seed))
    return Utterance(
        torch.from_numpy(waveform.astype(np.float32)), RATE, timed, mouth_curves(timed), viseme_frames(timed)
    )


def sample_utterance(seed: int) -> Utterance:
    """Random syllables or digits in a random voice: the training set of everything that listens."""
    return speak(babble(seed), sample_voice(seed), seed)
