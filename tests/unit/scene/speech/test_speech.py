"""Synthetic speech sounds as asked, and its mouth moves with it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz

from misen.core.errors import InputError
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.speech import (
    DIGITS,
    FRAME_RATE,
    MOUTH_AXES,
    PHONEMES,
    RATE,
    VISEMES,
    Utterance,
    Voice,
    babble,
    sample_utterance,
    sample_voice,
    speak,
    spell,
)

JAW, STRETCH, ROUND = range(3)
SLOW = Voice(pitch=100, speed=0.4, breath=0, melody=0)


def resonances(sound: NDArray[np.float64], order: int = 16) -> list[float]:
    """Formant frequencies in Hz by linear prediction."""
    windowed = np.diff(sound) * np.hamming(len(sound) - 1)
    lags = np.correlate(windowed, windowed, "full")[len(windowed) - 1 :][: order + 1]
    lags[0] *= 1.0001
    roots = np.roots([1, *-solve_toeplitz(lags[:-1], lags[1:])])
    narrow = [root for root in roots if root.imag > 0 and -np.log(abs(root)) * RATE / np.pi < 500]
    return sorted(float(np.angle(root)) * RATE / (2 * np.pi) for root in narrow if np.angle(root) > 0.06)


def middle(utterance: Utterance, position: int, seconds: float = 0.1) -> NDArray[np.float64]:
    timed = utterance.phonemes[position]
    center = (timed.start + timed.end) / 2
    return utterance.waveform[int((center - seconds / 2) * RATE) : int((center + seconds / 2) * RATE)].double().numpy()


def energy(utterance: Utterance) -> torch.Tensor:
    """Root mean square of the waveform in each video frame."""
    frames = len(utterance.mouth)
    padded = torch.zeros(frames * RATE // FRAME_RATE)
    padded[: len(utterance.waveform)] = utterance.waveform
    return padded.view(frames, -1).square().mean(dim=1).sqrt()


def pitch(sound: NDArray[np.float64]) -> float:
    lags = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    shortest = RATE // 400
    return RATE / (shortest + int(lags[shortest : RATE // 60].argmax()))


def test_an_utterance_is_aligned() -> None:
    utterance = speak("zero one two")
    seconds = len(utterance.waveform) / RATE
    assert utterance.phonemes[0].start == 0
    assert abs(utterance.phonemes[-1].end - seconds) < 0.01
    assert all(a.end == b.start for a, b in pairwise(utterance.phonemes))
    assert abs(len(utterance.mouth) - seconds * FRAME_RATE) <= 1
    assert len(utterance.mouth) == len(utterance.visemes)
    assert tuple(p.symbol for p in utterance.phonemes[1:-1]) == spell("zero one two")


def test_values_are_in_range() -> None:
    for seed in range(5):
        utterance = sample_utterance(seed)
        assert utterance.waveform.dtype == torch.float32
        assert 0.1 < utterance.waveform.abs().max() <= 1
        assert utterance.mouth.min() >= 0
        assert utterance.mouth.max() <= 1
        assert set(utterance.visemes.tolist()) <= set(range(len(VISEMES)))


def test_the_same_arguments_give_the_same_utterance() -> None:
    first, second = sample_utterance(3), sample_utterance(3)
    assert torch.equal(first.waveform, second.waveform)
    assert torch.equal(first.mouth, second.mouth)
    assert not torch.equal(speak("four", seed=1).waveform[:4000], speak("four", seed=2).waveform[:4000])


@pytest.mark.parametrize("vowel", ["IY", "IH", "EH", "AE", "AA", "AO", "AH", "UH", "UW", "ER"])
def test_vowels_have_their_formants(vowel: str) -> None:
    measured = resonances(middle(speak([vowel], SLOW), 1))
    for asked, heard in zip(PHONEMES[vowel].segments[0].formants, measured[:3], strict=True):
        assert abs(heard - asked) < 0.1 * asked


def test_a_short_tract_raises_the_formants() -> None:
    short = resonances(middle(speak(["AA"], Voice(pitch=100, tract_length=14.0, speed=0.4, breath=0, melody=0)), 1))
    assert abs(short[1] - 1090 * 17.5 / 14.0) < 0.1 * 1360


@pytest.mark.parametrize("hertz", [90.0, 140.0, 230.0])
def test_pitch_is_as_asked(hertz: float) -> None:
    voice = Voice(pitch=hertz, speed=0.4, melody=0)
    assert abs(pitch(middle(speak(["AA"], voice), 1)) - hertz) < 0.04 * hertz


def test_hiss_is_high_and_vowels_are_low() -> None:
    utterance = speak(["S", "AA"], SLOW)
    tilts = []
    for position in (1, 2):
        power = np.abs(np.fft.rfft(middle(utterance, position))) ** 2
        tilts.append(power[len(power) // 2 :].sum() / power.sum())
    assert tilts[0] > 0.7
    assert tilts[1] < 0.05


def test_the_jaw_opens_with_the_voice() -> None:
    correlations = []
    for seed in range(8):
        utterance = speak(" ".join(DIGITS[seed:] + DIGITS[:2]), Voice(), seed)
        correlations.append(torch.corrcoef(torch.stack((energy(utterance), utterance.mouth[:, JAW])))[0, 1])
    assert torch.stack(correlations).mean() > 0.5


def test_lips_follow_the_vowel() -> None:
    spread, pout, wide = (speak([vowel], SLOW).mouth.amax(dim=0) for vowel in ("IY", "UW", "AA"))
    assert pout[ROUND] > 0.8 > 0.1 > spread[ROUND]
    assert spread[STRETCH] > 0.6 > 0.1 > pout[STRETCH]
    assert wide[JAW] > 0.7 > 0.3 > spread[JAW]


def test_lips_meet_between_vowels_for_m() -> None:
    utterance = speak(["AA", "M", "AA"], SLOW)
    closed = utterance.visemes == VISEMES.index("closed")
    assert utterance.mouth[closed, JAW].min() < 0.1
    assert utterance.mouth[~closed, JAW].max() > 0.7


def test_silence_is_quiet_with_a_closed_mouth() -> None:
    utterance = speak(["_", "_", "AA"], Voice())
    assert utterance.mouth[0].max() < 0.02
    assert energy(utterance)[0] < 0.01 * energy(utterance).max()


def test_mouth_axes_are_expression_axes() -> None:
    assert set(MOUTH_AXES) <= set(EXPRESSION_AXES)


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [("7", "S EH V AX N"), ("ship", "SH IH P"), ("make", "M EY K"), ("hi, you", "HH AY _ Y UW"), ("night", "N AY T")],
)
def test_spelling(text: str, phonemes: str) -> None:
    assert spell(text) == tuple(phonemes.split())


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(InputError, match="no English letter"):
        speak("你好")
    with pytest.raises(InputError, match="no phoneme 'XX'"):
        speak(["AA", "XX"])


def test_voices_and_babble_vary() -> None:
    voices = [sample_voice(seed) for seed in range(60)]
    pitches = [voice.pitch for voice in voices]
    assert min(pitches) < 120 < 200 < max(pitches)
    assert np.corrcoef(pitches, [voice.tract_length for voice in voices])[0, 1] < -0.7
    assert {symbol for seed in range(300) for symbol in babble(seed)} == set(PHONEMES)
