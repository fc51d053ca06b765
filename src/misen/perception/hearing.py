"""Hearing: what a mouth looks like that is heard to speak, frame by frame, and the features behind it.

Source: Aytar et al. 2016, SoundNet (arXiv:1610.09001), for hidden layers of a convolutional network as features of
sound; deviation: it learns from the mouth that the world knows, not from a network that looks at films, and begins at
filter banks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Scalar
from misen.core.sound import SAMPLES
from misen.nn.sound import MELS, STEPS, Spectra, Waveforms, fbank, log_mel
from misen.nn.temporal import DepthwiseTrack, FrameNorm, ResidualTrack, Tracks, convolution
from misen.perception.frozen import placed
from misen.perception.heard import Heard
from misen.scene.speech import MOUTH_AXES, VISEMES

QUIET = 9
"""Frames of silence before and behind a sound: more than a frame hears, so that no sound depends on its batch."""
MIDDLE, SPREAD = -4.0, 4.0
"""Usual logarithm of the power in a band, and its spread."""
DECIBELS = 10 / 2.303
"""Decibels per unit of the natural logarithm."""
SOFT = 0.1
"""Errors of the mouth below this are squared."""


class Hearing(nn.Module):
    """A trunk over filter banks, four steps to a video frame, and two linear heads."""

    def __init__(self, ear: Callable[[Waveforms], Spectra], trunk: nn.Module, width: int) -> None:
        """``trunk`` takes what ``ear`` gives, (B, C, 4 F + 1), to (B, width, F)."""
        super().__init__()
        self.ear, self.trunk, self.width = ear, trunk, width
        self.heads = nn.Linear(width, len(VISEMES) + len(MOUTH_AXES))

    def forward(self, waveform: Waveforms) -> Heard:
        """Hear sounds (B, T), T a multiple of 640, where they are; differentiable in them."""
        return placed(self, waveform.device).hear(waveform)

    def hear(self, waveform: Waveforms) -> Heard:
        """The same where the network is."""
        quiet = QUIET * SAMPLES
        tracks: Tracks = self.trunk(self.ear(functional.pad(waveform, (quiet, quiet))))
        hidden = tracks[:, :, QUIET:-QUIET].mT
        visemes, mouth = self.heads(hidden).float().split([len(VISEMES), len(MOUTH_AXES)], dim=2)
        return Heard(visemes, mouth.sigmoid(), hidden.float())


def bank_ear(waveform: Waveforms) -> Spectra:
    """Filter banks of about unit variance; what is far below speech counts as silence."""
    return _scaled(fbank(waveform))


def mel_ear(waveform: Waveforms) -> Spectra:
    """The same of twice as many bands."""
    return _scaled(log_mel(waveform, MELS) / DECIBELS)


def _scaled(logarithms: Spectra) -> Spectra:
    return ((logarithms - MIDDLE) / SPREAD).clamp(min=-2.0)


def residual_trunk(bands: int, fine: int, width: int, depth: int) -> nn.Module:
    """Residual: one block at 100 steps per second, ``depth`` blocks at 25."""
    entry = [convolution(bands, fine, 5), nn.ReLU(), ResidualTrack(fine)]
    down = [convolution(fine, width, STEPS + 1, STEPS), nn.ReLU()]
    return nn.Sequential(*entry, *down, *(ResidualTrack(width) for _ in range(depth)))


def depthwise_trunk(bands: int, fine: int, width: int, depth: int) -> nn.Module:
    """Depthwise: the same plan of layers."""
    entry = [nn.Conv1d(bands, fine, 5, padding=2), FrameNorm(fine), nn.GELU(), DepthwiseTrack(fine)]
    down = [nn.Conv1d(fine, width, STEPS + 1, STEPS), FrameNorm(width)]
    return nn.Sequential(*entry, *down, *(DepthwiseTrack(width) for _ in range(depth)), FrameNorm(width))


def hearing_a() -> Hearing:
    """The residual network that may steer, whose hidden layer every generator hears with; untrained."""
    return Hearing(bank_ear, residual_trunk(40, 64, 160, 3), 160)


def hearing_b() -> Hearing:
    """The depthwise network that only judges, untrained."""
    return Hearing(mel_ear, depthwise_trunk(MELS, 64, 160, 4), 160)


def hearing_losses(
    heard: Heard, visemes: Int[Tensor, "batch frames"], mouth: Float[Tensor, "batch frames 3"]
) -> dict[str, Scalar]:
    """Cross-entropy of the visemes (B, F), and ten times the smooth distance of the mouth (B, F, 3)."""
    distance = partial(functional.smooth_l1_loss, beta=SOFT)
    return {
        "visemes": functional.cross_entropy(heard.visemes.flatten(0, 1), visemes.flatten()),
        "mouth": 10 * distance(heard.mouth, mouth),
    }


# --- what microphones do --------------------------------------------------------------------------------------------

QUIETEST = 0.1
"""Least share of its level at which a sound is heard."""
HISS = (1e-4, 1e-2)
"""Least and greatest deviation of the noise added."""
TAPS, COLORING = 9, 0.25
"""Length of the random filter, and the deviation of its taps but the first."""


def as_recorded(waveform: Waveforms) -> Waveforms:
    """Each sound (B, T) through a microphone of its own: level, color and noise; from torch's global generator.

    Voices of the world have their own noise, room and bandwidth already; this is for recordings of real ones.
    """
    count = len(waveform)
    colors = COLORING * torch.randn(count, 1, TAPS) * 0.7 ** torch.arange(TAPS)
    colors[:, :, 0] = 1
    padded = functional.pad(waveform, (TAPS - 1, 0))[None]
    with torch.autocast(waveform.device.type, enabled=False):  # eight bits would be heard
        colored = functional.conv1d(padded, colors.flip(2).to(waveform), groups=count)[0]
    loud = QUIETEST ** torch.rand(count, 1).to(waveform)
    least, most = HISS
    hiss = least * (most / least) ** torch.rand(count, 1).to(waveform)
    return (loud * colored + hiss * torch.randn_like(waveform)).clamp(-1, 1)
