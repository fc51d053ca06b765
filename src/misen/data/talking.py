"""Avatars that talk: clips whose frames share everything but the mouth, with the sound that moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from misen.data.world import tell_truth
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.camera import project
from misen.scene.head import build_head
from misen.scene.observe import landmark_points
from misen.scene.record import Record
from misen.scene.sampling import sample
from misen.scene.speech import MOUTH_AXES, Utterance, sample_utterance
from misen.scene.truth import Truth


@dataclass(frozen=True)
class Talking:
    """Aligned truth of B clips of F frames each.

    Attributes:
        truth: of the B * F frames, clip-major.
        utterances: what each of the B avatars says; a clip shows the first F frames of it, and then a closed mouth.
        frames: F.
    """

    truth: Truth
    utterances: tuple[Utterance, ...]
    frames: int

    def __len__(self) -> int:
        return len(self.utterances)


def talk(record: Record, frames: int, utterances: Sequence[Utterance] | None = None, size: int = 64) -> Talking:
    """The avatars of ``record`` talking, rendered.

    Args:
        record: B avatars.
        frames: F of each clip.
        utterances: what they say; by default each what is drawn from its seed.
        size: pixels.
    """
    said = utterances or [sample_utterance(seed) for seed in record.seed.tolist()]
    return Talking(tell_truth(speaking(record, said, frames), size), tuple(said), frames)


def speaking(record: Record, utterances: Sequence[Utterance], frames: int) -> Record:
    """(B * F) records, clip-major: each avatar's mouth as it says its utterance, all else as it was."""
    mouth = torch.zeros(len(record), frames, len(MOUTH_AXES))
    for track, utterance in zip(mouth, utterances, strict=True):
        shown = utterance.mouth[:frames]
        track[: len(shown)] = shown
    return mouthing(record, mouth)


def mouthing(record: Record, mouth: Float[Tensor, "batch frames 3"]) -> Record:
    """(B * F) records, clip-major: each avatar with each of its mouths (B, F, 3) along ``MOUTH_AXES``."""
    frames = mouth.shape[1]
    repeated = record[torch.arange(len(record)).repeat_interleave(frames)]
    expression = repeated.expression.clone()
    expression[:, [EXPRESSION_AXES.index(axis) for axis in MOUTH_AXES]] = mouth.flatten(0, 1)
    return replace(repeated, expression=expression)


def facing(record: Record) -> Record:
    """The same avatars, none of them turned by more than 45 degrees, so that all mouths can be seen."""
    return replace(record, camera=sample(record.seed, full_circle=0.0).camera)


def points_of(record: Record) -> Float[Tensor, "batch 32 2"]:
    """(B, 32, 2) where the landmarks of avatars fall, x and y, without a render; some may lie outside the picture."""
    places, _ = project(record.camera, landmark_points(build_head(record)))
    return places
