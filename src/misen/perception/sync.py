"""Whether a mouth moves with a sound: both in one space, five frames at a time.

Source: Chung and Zisserman 2016, "Out of time: automated lip sync in the wild" (SyncNet); deviations: it looks at the
mouth's expression coefficients as an observer reads them, not at pixels, and learns by contrast within an utterance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Images, Scalar
from misen.core.sound import SAMPLES
from misen.nn.sound import MELS, STEPS, Spectra, Waveforms
from misen.nn.temporal import FrameNorm, convolution
from misen.perception.hearing import bank_ear, mel_ear
from misen.perception.reading import Reading
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.speech import MOUTH_AXES

SPAN = 5
"""Frames that are compared at a time."""
QUIET = 4
"""Frames of silence before and behind a sound; more than are heard at a time."""
WIDTH = 64
"""Dimensions of the common space."""
REACH = 10
"""Frames to either side within which an offset is looked for."""
TEMPERATURE = 0.07
ALIKE = 0.05
"""Mean distance below which two stretches of a mouth's track are told apart by nobody."""

Mouths = Float[Tensor, "batch frames 3"]
"""Mouth coefficients along ``MOUTH_AXES``, at 25 frames per second."""
Embeddings = Float[Tensor, "batch frames space"]
"""Unit vectors, one for the five frames around each frame."""

COLUMNS = [EXPRESSION_AXES.index(axis) for axis in MOUTH_AXES]


class SyncExpert(nn.Module):
    """Two towers whose unit vectors agree where a mouth moves with a sound."""

    def __init__(self, ear: Callable[[Waveforms], Spectra], listen: nn.Module, watch: nn.Module) -> None:
        """``listen`` takes what ``ear`` gives to (B, 64, F + 2 * QUIET); ``watch`` (B, 3, F) to (B, 64, F)."""
        super().__init__()
        self.ear, self.listen, self.watch = ear, listen, watch

    def sound(self, waveform: Waveforms) -> Embeddings:
        """(B, T) of whole video frames -> (B, F, 64); differentiable in it."""
        quiet = QUIET * SAMPLES
        heard: Tensor = self.listen(self.ear(functional.pad(waveform, (quiet, quiet))))
        return _unit(heard[:, :, QUIET:-QUIET])

    def mouth(self, track: Mouths) -> Embeddings:
        """(B, F, 3) -> (B, F, 64); the track goes on as it begins and ends; differentiable in it."""
        padded = functional.pad(track.mT, (SPAN // 2, SPAN // 2), mode="replicate")
        return _unit(self.watch(padded))

    def agreement(self, waveform: Waveforms, track: Mouths) -> Float[Tensor, "batch frames"]:
        """(B, F) cosine of what is heard and what is seen around each frame."""
        return (self.sound(waveform) * self.mouth(track)).sum(dim=2)


def _unit(tracks: Float[Tensor, "batch space frames"]) -> Embeddings:
    unit: Tensor = functional.normalize(tracks.mT.float(), dim=2)
    return unit


def mouth_track(
    look: Callable[[Images], Reading], images: Images, frames: int
) -> Float[Tensor, "clips frames 3"]:
    """(B, F, 3) the mouth that an observer reads in clips (B * F, 3, H, W), clip-major."""
    track: Tensor = look(images).expression[:, COLUMNS].unflatten(0, (-1, frames))
    return track


def offsets(sound: Embeddings, mouth: Embeddings, reach: int = REACH) -> Int[Tensor, " batch"]:
    """(B,) by how many frames each mouth lags behind its sound, at most ``reach``: where they agree most.

    Args:
        sound: (B, F, D), F > reach.
        mouth: (B, F, D).
        reach: frames.
    """
    frames = sound.shape[1]
    agreement = [
        (sound[:, max(0, -lag) : frames - max(0, lag)] * mouth[:, max(0, lag) : frames - max(0, -lag)]).sum(2).mean(1)
        for lag in range(-reach, reach + 1)
    ]
    return torch.stack(agreement, dim=1).argmax(dim=1) - reach


def sync_loss(sound: Embeddings, mouth: Embeddings, track: Mouths) -> Scalar:
    """Cross-entropy of which moment of its own clip a sound goes with, and the other way round.

    Moments next to the right one do not count as wrong, nor do those at which the mouth (B, F, 3) does the same.
    """
    with torch.autocast(sound.device.type, enabled=False):
        logits = sound.float() @ mouth.float().mT / TEMPERATURE
    logits = logits.masked_fill(_ambiguous(track), -math.inf)
    target = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    heard, seen = functional.cross_entropy(logits.mT, target), functional.cross_entropy(logits, target)
    return (heard + seen) / 2


def _ambiguous(track: Mouths) -> Bool[Tensor, "batch frames frames"]:
    """Which pairs of different moments of a clip nobody should have to tell apart."""
    padded = functional.pad(track.mT, (SPAN // 2, SPAN // 2), mode="replicate").unfold(2, SPAN, 1)
    stretches = padded.movedim(2, 1).flatten(2)
    distance = torch.cdist(stretches, stretches, p=1) / stretches.shape[2]
    places = torch.arange(track.shape[1], device=track.device)
    apart = (places[:, None] - places).abs()
    return ((distance < ALIKE) | (apart == 1)) & (apart > 0)


def sync_a() -> SyncExpert:
    """The rectifying expert that may steer, untrained."""
    listen = nn.Sequential(
        convolution(40, 64, 5), nn.ReLU(), convolution(64, 128, STEPS + 1, STEPS), nn.ReLU(),
        convolution(128, 128, SPAN), nn.ReLU(), nn.Conv1d(128, WIDTH, 1),
    )  # fmt: skip
    watch = nn.Sequential(
        nn.Conv1d(3, 64, SPAN), nn.BatchNorm1d(64), nn.ReLU(), convolution(64, 64, 1), nn.ReLU(),
        nn.Conv1d(64, WIDTH, 1),
    )  # fmt: skip
    return SyncExpert(bank_ear, listen, watch)


def sync_b() -> SyncExpert:
    """The expert that only judges, of other layers and of finer bands, untrained."""
    listen = nn.Sequential(
        nn.Conv1d(MELS, 96, STEPS + 1, STEPS), FrameNorm(96), nn.GELU(), nn.Conv1d(96, 128, 3, padding=1),
        FrameNorm(128), nn.GELU(), nn.Conv1d(128, 128, 3, padding=1), FrameNorm(128), nn.GELU(),
        nn.Conv1d(128, WIDTH, 1),
    )  # fmt: skip
    watch = nn.Sequential(
        nn.Conv1d(3, 96, SPAN), FrameNorm(96), nn.GELU(), nn.Conv1d(96, 96, 1), nn.GELU(), nn.Conv1d(96, WIDTH, 1)
    )
    return SyncExpert(mel_ear, listen, watch)


# --- what observers do ----------------------------------------------------------------------------------------------

SCALE, SHIFT, JITTER = 0.3, 0.08, 0.05
"""Greatest change of a track's size and of its place, and the deviation of each frame."""


def as_seen(track: Mouths) -> Mouths:
    """Tracks (B, F, 3) as an observer may read them off a face; from torch's global generator."""
    scale = 1 + SCALE * (2 * torch.rand(len(track), 1, 3) - 1)
    shift = SHIFT * (2 * torch.rand(len(track), 1, 3) - 1)
    return track * scale.to(track) + shift.to(track) + JITTER * torch.randn_like(track)
