"""Avatars that talk: clips whose frames share everything but the mouth, with the sound that moves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from misen.data.world import tell_truth
from misen.scene.anatomy import EXPRESSION_AXES
from misen.scene.record import Record
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
    expression = record.expression.repeat_interleave(frames, 0).unflatten(0, (-1, frames)).clone()
    columns = [EXPRESSION_AXES.index(axis) for axis in MOUTH_AXES]
    expression[:, :, columns] = 0.0
    for clip, utterance in zip(expression, utterances, strict=True):
        shown = utterance.mouth[:frames]
        clip[: len(shown), columns] = shown
    repeated = record[torch.arange(len(record)).repeat_interleave(frames)]
    return replace(repeated, expression=expression.flatten(0, 1))
