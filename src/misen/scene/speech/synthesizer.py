"""A formant synthesizer: glottal pulses and noise through the resonances of the vocal tract.

Source: Klatt 1980 (software for a cascade/parallel formant synthesizer) and Klatt and Klatt 1990 (the KLGLOTT88 pulse);
deviation: five formants in cascade, a single parallel resonance for frication, room and microphone added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, fftconvolve, lfilter, sosfilt, sosfiltfilt

from misen.scene.speech.timing import TimedPhoneme
from misen.scene.speech.voice import REFERENCE_LENGTH, Voice

RATE = 16_000
"""Samples per second."""
HOP = 80
"""Samples for which the filters stand still: 5 ms."""
OVERSAMPLING = 4
"""The glottal pulse is made at this multiple of the rate, so that its edges do not alias."""
HIGHER_FORMANTS = (3500.0, 4500.0)
BANDWIDTHS = (70.0, 90.0, 140.0, 250.0, 350.0)
FORMANT_GLIDE, LOUDNESS_GLIDE = 0.018, 0.006
"""Standard deviations in seconds of the smoothing of formants and amplitudes: tongues are slower than breath."""

Array = NDArray[np.float64]


def synthesize(timed: Sequence[TimedPhoneme], voice: Voice, rng: np.random.Generator) -> Array:
    """(T,) waveform in [-level, level] of phonemes spoken by a voice."""
    tracks = _tracks(timed)
    samples = tracks.shape[1] * HOP
    voicing, aspiration, frication = (_per_sample(track) for track in tracks[3:6])
    source = voicing * _glottis(_melody(timed, voice, samples, rng), voice)
    breath = rng.standard_normal(samples) * (0.12 * aspiration + 0.035 * voice.breath * voicing)
    throat = _through_tract(source + breath, tracks[:3], voice)
    hiss = _through_constriction(rng.standard_normal(samples) * frication, tracks[6], tracks[7])
    return _recorded(throat + 0.16 * hiss, voice, rng)


def _tracks(timed: Sequence[TimedPhoneme]) -> Array:
    """(8, frames): F1, F2, F3, voicing, aspiration, frication, its center and its width, smoothed in time."""
    rows, ends = [], []
    for phoneme in timed:
        end = phoneme.start
        for part in phoneme.phoneme.segments:
            end += part.share * phoneme.seconds
            ends.append(end)
            rows.append((*part.formants, part.voicing, part.aspiration, part.frication, part.center, part.width))
    times = (np.arange(int(timed[-1].end * RATE / HOP)) + 0.5) * HOP / RATE
    tracks = np.array(rows, dtype=np.float64)[np.searchsorted(ends, times)].T
    frame = HOP / RATE
    tracks[:3] = gaussian_filter1d(tracks[:3], FORMANT_GLIDE / frame, axis=1, mode="nearest")
    tracks[3:6] = gaussian_filter1d(tracks[3:6], LOUDNESS_GLIDE / frame, axis=1, mode="nearest")
    return tracks


def _per_sample(track: Array) -> Array:
    frames = np.arange(len(track)) * HOP + HOP / 2
    return np.interp(np.arange(len(track) * HOP), frames, track)


def _melody(timed: Sequence[TimedPhoneme], voice: Voice, samples: int, rng: np.random.Generator) -> Array:
    """Fundamental frequency per sample: falling over the utterance, rising on vowels, never quite steady."""
    time = np.arange(samples) / RATE
    fall = 1 + voice.melody * (1 - 2 * time / timed[-1].end)
    accents = np.zeros(samples)
    for phoneme in timed:
        if phoneme.phoneme.is_vowel:
            middle = (phoneme.start + phoneme.end) / 2
            accents += voice.melody * rng.uniform(0, 0.8) * np.exp(-(((time - middle) / 0.08) ** 2))
    wobble = 1 + 0.012 * np.sin(2 * np.pi * (rng.uniform(3, 6) * time + rng.random()))
    return voice.pitch * fall * (1 + accents) * wobble


def _glottis(pitch: Array, voice: Voice) -> Array:
    """Derivative of the glottal flow, low-passed for breathy voices; about unit amplitude."""
    fine = np.repeat(pitch, OVERSAMPLING) / (RATE * OVERSAMPLING)
    phase = np.cumsum(fine) % 1.0
    open_quotient = 0.55 + 0.3 * voice.breath
    time = phase / open_quotient
    pulse = np.where(time < 1, 2 * time - 3 * time**2, 0.0)
    smooth = sosfilt(butter(6, 0.9 / OVERSAMPLING, output="sos"), pulse)[::OVERSAMPLING]
    softness = 0.05 + 0.6 * voice.breath
    return np.asarray(lfilter([1 - softness], [1, -softness], smooth))


def _resonator(frequency: Array, bandwidth: Array) -> tuple[Array, Array, Array]:
    """Klatt's A, B and C of a resonator with unit gain at 0 Hz."""
    radius = np.exp(-np.pi * bandwidth / RATE)
    c = -(radius**2)
    b = 2 * radius * np.cos(2 * np.pi * frequency / RATE)
    return 1 - b - c, b, c


def _sections(frequencies: Array, bandwidths: Array) -> Array:
    """(frames, sections, 6) second-order sections of resonators, from (sections, frames) frequencies."""
    a, b, c = _resonator(frequencies, bandwidths)
    zero = np.zeros_like(a)
    return np.ascontiguousarray(np.stack((a, zero, zero, zero + 1, -b, -c), axis=-1).swapaxes(0, 1))


def _filter(sound: Array, sections: Array) -> Array:
    """Time-varying filter: ``sections[k]`` acts on hop ``k``, and its state is carried on."""
    state = np.zeros((sections.shape[1], 2))
    out = np.empty_like(sound)
    for frame, coefficients in enumerate(sections):
        hop = slice(frame * HOP, (frame + 1) * HOP)
        out[hop], state = sosfilt(coefficients, sound[hop], zi=state)
    return out


def _through_tract(sound: Array, formants: Array, voice: Voice) -> Array:
    higher = np.repeat(np.array(HIGHER_FORMANTS)[:, None], formants.shape[1], axis=1)
    frequencies = np.concatenate((formants, higher)) * REFERENCE_LENGTH / voice.tract_length
    bandwidths = np.repeat(np.array(BANDWIDTHS)[:, None], formants.shape[1], axis=1) * (1 + voice.breath)
    return _filter(sound, _sections(np.minimum(frequencies, 0.47 * RATE), bandwidths))


def _through_constriction(noise: Array, center: Array, width: Array) -> Array:
    """Noise around the resonance of a constriction, brought back to the loudness of the noise."""
    band = _filter(np.diff(noise, prepend=0.0), _sections(center[None], width[None]))
    gain = np.sqrt(width / RATE) * (RATE / (2 * np.pi * center)) * 0.8  # of differentiated noise at the resonance
    return band * _per_sample(gain)


def _recorded(sound: Array, voice: Voice, rng: np.random.Generator) -> Array:
    """The sound in its room, with its noise, through its microphone, at its level."""
    decay = rng.standard_normal(RATE // 4) * np.exp(-np.arange(RATE // 4) / (0.05 * RATE))
    echo = fftconvolve(sound, decay)[: len(sound)]
    loudness = np.sqrt(np.mean(sound**2))
    wet = echo * loudness / np.sqrt(np.mean(echo**2))
    heard = (1 - voice.room) * sound + voice.room * wet + voice.noise * loudness * rng.standard_normal(len(sound))
    band = butter(4, (60, min(voice.bandwidth, 0.49 * RATE)), "bandpass", fs=RATE, output="sos")
    passed = sosfiltfilt(band, heard)
    return np.asarray(voice.level * passed / np.abs(passed).max())
