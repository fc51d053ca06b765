"""Short clips of avatars that talk, each with a picture of the same avatar before: what talking faces learn from.

The avatar of a seed says what ``scene.speech.sample_utterance`` makes of that seed, of which a clip shows a few frames
in a row. All are turned by less than 45 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.image import from_bytes, to_bytes
from misen.core.seeding import derive
from misen.core.shapes import Images
from misen.core.sound import SAMPLES
from misen.data.cache import Cache, Contents, Shapes, shapes
from misen.data.speech import LOUDEST
from misen.data.talking import facing, mouthing
from misen.scene.record import Record
from misen.scene.renderer import render
from misen.scene.speech import MOUTH_AXES, sample_utterance

FRAMES = 5
"""Video frames that are kept of an utterance, as many as sync experts look at."""
AROUND = 8
"""Frames whose sound is kept before and behind these; silence lies around an utterance."""
HEARD = FRAMES + 2 * AROUND
RECORD = [field.name for field in fields(Record)]


@dataclass(frozen=True)
class Clips:
    """B clips of F frames.

    Attributes:
        frames: (B, F, 3, S, S) in [-1, 1].
        waveform: (B, (F + 16) * 640) in [-1, 1] at 16 kHz, of the frames and the 8 before and behind them.
        mouth: (B, F, 3) along ``MOUTH_AXES``.
    """

    frames: Float[Tensor, "batch frames 3 height width"]
    waveform: Float[Tensor, "batch samples"]
    mouth: Float[Tensor, "batch frames 3"]


def excerpt(seed: int) -> tuple[Tensor, Tensor]:
    """Five frames somewhere in what an avatar says: the waveform (13440,) around them, and their mouths (5, 3)."""
    utterance = sample_utterance(seed)
    start = derive(seed, "excerpt") % max(1, len(utterance.mouth) - FRAMES + 1)
    waveform = functional.pad(utterance.waveform, (AROUND * SAMPLES, HEARD * SAMPLES))
    mouth = functional.pad(utterance.mouth, (0, 0, 0, FRAMES))
    return waveform[start * SAMPLES : (start + HEARD) * SAMPLES], mouth[start : start + FRAMES]


def _shapes(size: int) -> Shapes:
    picture, everything = (size, size, 3), shapes(size)
    return {
        "face": (picture, "u1"),
        "frames": ((FRAMES, *picture), "u1"),
        "waveform": ((HEARD * SAMPLES,), "i2"),
        "mouth": ((FRAMES, len(MOUTH_AXES)), "f4"),
        **{name: everything[name] for name in RECORD},
    }


def _tell(record: Record, size: int) -> dict[str, Tensor]:
    faces = facing(record)
    waveforms, mouths = zip(*(excerpt(seed) for seed in record.seed.tolist()), strict=True)
    mouth = torch.stack(mouths)
    return {
        "face": to_bytes(render(faces, size)),
        "frames": to_bytes(render(mouthing(faces, mouth), size)).unflatten(0, (-1, FRAMES)),
        "waveform": (torch.stack(waveforms) * LOUDEST).round().to(torch.int16),
        "mouth": mouth,
        **{name: getattr(faces, name) for name in RECORD},
        "attributes": faces.attributes.to(torch.uint8),
    }


CLIPS = Contents(_shapes, _tell)
"""A picture, five frames in a row and their sound: 103 kB a record at 64 pixels."""


class CachedClips(Cache):
    """A finished cache of clips."""

    contents = CLIPS

    def faces(self, indices: Tensor | slice) -> Images:
        """(B, 3, S, S) the pictures before."""
        return from_bytes(self.field("face", indices))

    def clips(self, indices: Tensor | slice) -> Clips:
        """Some of the clips."""
        frames = self.field("frames", indices)
        return Clips(
            frames=from_bytes(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]),
            waveform=self.field("waveform", indices).float() / LOUDEST,
            mouth=self.field("mouth", indices),
        )

    def record(self, indices: Tensor | slice) -> Record:
        """The avatars in the pictures before."""
        kept = {name: self.field(name, indices) for name in RECORD}
        return Record(**{**kept, "attributes": kept["attributes"].long()})
