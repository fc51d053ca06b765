"""What the mouth does while phonemes sound: blendshape curves at 25 frames per second.

Source: Cohen and Massaro 1993 (modeling coarticulation in synthetic visual speech): each phoneme pulls the mouth to its
shape with a dominance that decays in time; the shape is their weighted mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from misen.scene.speech.phonemes import VISEMES
from misen.scene.speech.timing import TimedPhoneme

FRAME_RATE = 25
MOUTH_AXES: tuple[str, ...] = ("jaw open", "lip stretch", "lip round")
"""Names in ``anatomy.EXPRESSION_AXES`` of the columns of a mouth trajectory."""
REACH = 0.045
"""Seconds after which the pull of a phoneme has fallen to 1/e beyond its own edges."""


def frame_times(seconds: float) -> Tensor:
    """(F,) float64 seconds at the middle of each video frame."""
    return (torch.arange(math.ceil(seconds * FRAME_RATE), dtype=torch.float64) + 0.5) / FRAME_RATE


def mouth_curves(timed: Sequence[TimedPhoneme]) -> Tensor:
    """(F, 3) float32 in [0, 1] along ``MOUTH_AXES``."""
    pulls = [pull for phoneme in timed for pull in _pulls(phoneme)]
    middle, half, grip = torch.tensor([pull[:3] for pull in pulls], dtype=torch.float64).T
    shapes = torch.tensor([pull[3] for pull in pulls], dtype=torch.float64)
    outside = ((frame_times(timed[-1].end)[:, None] - middle).abs() - half).clamp(min=0)
    dominance = grip * torch.exp(-((outside / REACH) ** 2)) + 1e-9
    weights: Tensor = dominance / dominance.sum(dim=1, keepdim=True)
    return (weights @ shapes).float()


def _pulls(timed: TimedPhoneme) -> list[tuple[float, float, float, tuple[float, float, float]]]:
    """Middle, half length, grip and shape; a diphthong pulls twice. The core of a sound is the middle half of it."""
    phoneme = timed.phoneme
    shapes = [phoneme.mouth, phoneme.release] if phoneme.release else [phoneme.mouth]
    length = timed.seconds / len(shapes)
    return [
        (timed.start + (index + 0.5) * length, length / 4, phoneme.grip, shape) for index, shape in enumerate(shapes)
    ]


def viseme_frames(timed: Sequence[TimedPhoneme]) -> Tensor:
    """(F,) int64 index into ``VISEMES`` of the phoneme that sounds at each video frame."""
    ends = torch.tensor([phoneme.end for phoneme in timed], dtype=torch.float64)
    classes = torch.tensor([VISEMES.index(phoneme.phoneme.viseme) for phoneme in timed])
    spoken = torch.bucketize(frame_times(timed[-1].end), ends, right=True).clamp(max=len(timed) - 1)
    return classes[spoken]
