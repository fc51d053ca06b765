"""What can be taken from a sound at each video frame: spectra, bands, cepstra, or what a network makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from misen.nn import sound
from misen.nn.sound import BANDS, BINS, CEPSTRA, MELS, at_frames
from misen.perception.heard import Listener

REACH = 8
"""Steps of 10 ms to either side of a frame's middle that are part of it."""
WIDE = 2 * REACH + 1


@dataclass(frozen=True)
class Features:
    """One feature of sounds.

    Attributes:
        width: D.
        take: sounds (B, T) of whole video frames -> (B, F, D), about 1 in size.
    """

    width: int
    take: Callable[[Tensor], Tensor]


def _spectrum(waveform: Tensor) -> Tensor:
    """(B, F, 257) the mean amplitude of each frequency around a frame."""
    mean: Tensor = at_frames(_amplitude, waveform, REACH).unflatten(2, (BINS, WIDE)).mean(3)
    return mean


def _amplitude(waveform: Tensor) -> Tensor:
    return sound.spectrogram(waveform).clamp(min=sound.FLOOR).sqrt()


def _scaled(feature: sound.Feature, middle: float, spread: float, waveform: Tensor) -> Tensor:
    return (at_frames(feature, waveform, REACH) - middle) / spread


FEATURES: Mapping[str, Features] = {
    "spectrogram": Features(BINS, _spectrum),
    "log-mel": Features(MELS * WIDE, partial(_scaled, sound.log_mel, -20.0, 20.0)),
    "fbank": Features(BANDS * WIDE, partial(_scaled, sound.fbank, -4.0, 4.0)),
    "mfcc": Features(2 * CEPSTRA * WIDE, partial(_scaled, sound.mfcc, 0.0, 50.0)),
}
"""Features that need no network, by name; 17 steps around each frame, but for the spectrogram, which is averaged."""


def hidden(hearing: Listener) -> Features:
    """The layer of a frozen network of hearing from which it reads the mouth."""

    @torch.no_grad()
    def take(waveform: Tensor) -> Tensor:
        layer: Tensor = hearing(waveform).hidden
        return layer

    return Features(hearing.width, take)
