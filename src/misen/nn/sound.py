"""What ears are given: spectrogram, log-mel, filter banks and cepstra of a sound, differentiable in it.

Windows of 25 ms every 10 ms; step i is centred at i * 10 ms, and silence lies before and behind the sound.

Source: Davis and Mermelstein 1980 (comparison of parametric representations for monosyllabic word recognition) for the
cepstra; Furui 1986 for their slopes; Slaney 1998 (auditory toolbox) and Young et al. (the HTK book) for the two scales.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.sound import RATE, SAMPLES

WINDOW, HOP, FFT = 400, 160, 512
"""Samples of a window (25 ms) and from one to the next (10 ms); points of the transform."""
BINS = FFT // 2 + 1
MELS, BANDS, CEPSTRA = 80, 40, 13
"""Channels of ``log_mel``, of ``fbank`` and of ``mfcc`` (as many again are slopes)."""
FLOOR = 1e-10
"""Least power whose logarithm is taken."""
EMPHASIS = 0.97
REACH = 4
"""Steps to either side over which slopes are fitted."""
STEPS = SAMPLES // HOP
"""Steps per video frame; the middle of frame k is step ``STEPS * k + STEPS // 2``."""

Waveforms = Float[Tensor, "batch samples"]
"""Sounds in [-1, 1] at 16 kHz."""
Spectra = Float[Tensor, "batch channels steps"]
"""Features every 10 ms: T samples have T // 160 + 1 steps."""
Feature = Callable[[Waveforms], Spectra]


def spectrogram(waveform: Waveforms) -> Spectra:
    """(B, 257, steps) power of each frequency from 0 to 8 kHz, under a Hann window."""
    window = torch.hann_window(WINDOW, device=waveform.device)
    spectrum = torch.stft(waveform.float(), FFT, HOP, WINDOW, window, pad_mode="constant", return_complex=True)
    return spectrum.real.square() + spectrum.imag.square()


def log_mel(waveform: Waveforms, bands: int = MELS) -> Spectra:
    """(B, bands, steps) decibels in bands of equal area on Slaney's scale."""
    return 10 / math.log(10) * _logarithm(_filtered(spectrogram(waveform), _slaney(bands)))


def fbank(waveform: Waveforms) -> Spectra:
    """(B, 40, steps) natural logarithms of the power in bands of equal height on HTK's scale, high notes raised."""
    raised = waveform.float() - EMPHASIS * functional.pad(waveform.float(), (1, 0))[:, :-1]
    return _logarithm(_filtered(spectrogram(raised), _htk(BANDS)))


def mfcc(waveform: Waveforms) -> Spectra:
    """(B, 26, steps) cepstra of 40 bands, and their slopes per step."""
    with torch.autocast(waveform.device.type, enabled=False):
        cepstra = _cosines(CEPSTRA, BANDS).to(waveform.device) @ log_mel(waveform, BANDS)
    return torch.cat([cepstra, slopes(cepstra)], dim=1)


def slopes(track: Spectra) -> Spectra:
    """(B, C, steps) the slope per step of the line through nine neighbours; the ends go on as they are."""
    kernel = torch.arange(-REACH, REACH + 1, device=track.device, dtype=track.dtype)
    padded = functional.pad(track, (REACH, REACH), mode="replicate").unfold(2, 2 * REACH + 1, 1)
    return (padded * (kernel / kernel.square().sum())).sum(dim=3)


def at_frames(feature: Feature, waveform: Waveforms, reach: int) -> Float[Tensor, "batch frames features"]:
    """Each video frame's steps, those up to ``reach`` before and behind its middle, one after the other.

    What lies beyond the sound is silence, however long the batch it is in.

    Args:
        feature: of (B, T), with C channels.
        waveform: (B, T) of whole video frames.
        reach: steps.

    Returns:
        (B, T / 640, C * (2 * reach + 1)); of every channel all steps, in the order of time.
    """
    frames, quiet = waveform.shape[1] // SAMPLES, -(-(reach + REACH) // STEPS) + 1
    track = feature(functional.pad(waveform, (quiet * SAMPLES, quiet * SAMPLES)))
    first = STEPS * quiet + STEPS // 2 - reach
    windows = track[:, :, first:].unfold(2, 2 * reach + 1, STEPS)[:, :, :frames]
    return windows.movedim(2, 1).flatten(2)


def _logarithm(power: Spectra) -> Spectra:
    return power.clamp(min=FLOOR).log()


def _filtered(
    power: Float[Tensor, "batch bins steps"], filters: Float[Tensor, "bands bins"]
) -> Float[Tensor, "batch bands steps"]:
    """The power in each band; in full precision even under autocast."""
    with torch.autocast(power.device.type, enabled=False):
        return filters.to(power.device) @ power


@cache
def _slaney(bands: int) -> Float[Tensor, "bands bins"]:
    """Triangles of equal area, evenly spaced in hertz below 1 kHz and in octaves above."""
    linear, octave, step = 1000 / (200 / 3), math.log(6.4) / 27, 200 / 3
    top = linear + math.log(RATE / 2 / 1000) / octave
    places = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    hertz = torch.where(places < linear, places * step, 1000 * torch.exp(octave * (places - linear)))
    return (_triangles(hertz) * (2 / (hertz[2:] - hertz[:-2]))[:, None]).float()


@cache
def _htk(bands: int) -> Float[Tensor, "bands bins"]:
    """Triangles of height 1, evenly spaced in mel = 2595 log10(1 + f / 700)."""
    places = torch.linspace(0, 2595 * math.log10(1 + RATE / 2 / 700), bands + 2, dtype=torch.float64)
    return _triangles(700 * (10 ** (places / 2595) - 1)).float()


def _triangles(hertz: Float[Tensor, " edges"]) -> Float[Tensor, "bands bins"]:
    """From corner k over a peak at corner k + 1 down to corner k + 2, at the frequencies of the transform."""
    bins = torch.linspace(0, RATE / 2, BINS, dtype=torch.float64)
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp(min=0)


@cache
def _cosines(count: int, length: int) -> Float[Tensor, "count length"]:
    """The first rows of the orthonormal cosine transform of the second kind."""
    places = torch.arange(length, dtype=torch.float64) + 0.5
    rows = torch.cos(math.pi / length * torch.arange(count, dtype=torch.float64)[:, None] * places)
    scale = torch.full((count, 1), math.sqrt(2 / length), dtype=torch.float64)
    scale[0] = math.sqrt(1 / length)
    return (rows * scale).float()
