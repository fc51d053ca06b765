"""Speech of the world on the disk: what everything that listens learns from.

The avatar of a seed says what ``scene.speech.sample_utterance`` makes of that seed, so speech follows the splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from misen.core.sound import SAMPLES
from misen.data.cache import Cache, Contents, Shapes
from misen.data.order import Order
from misen.scene.record import Record
from misen.scene.speech import MOUTH_AXES, Utterance, sample_utterance
from misen.scene.splits import Split

FRAMES = 48
"""Video frames that are kept of an utterance, 1.92 s: most are shorter, and silence follows them."""
LOUDEST = 2**15 - 1


@dataclass(frozen=True)
class Speech:
    """The beginnings of B utterances, in F frames each; silence with a closed mouth follows shorter ones.

    Attributes:
        waveform: (B, F * 640) in [-1, 1] at 16 kHz.
        mouth: (B, F, 3) in [0, 1] along ``MOUTH_AXES``.
        visemes: (B, F) classes of ``VISEMES``.
        spoken: (B, F) whether the utterance still lasts.
    """

    waveform: Float[Tensor, "batch samples"]
    mouth: Float[Tensor, "batch frames 3"]
    visemes: Int[Tensor, "batch frames"]
    spoken: Bool[Tensor, "batch frames"]

    def __len__(self) -> int:
        return len(self.waveform)

    def __getitem__(self, items: slice | Tensor) -> Speech:
        """Some of them."""
        return Speech(self.waveform[items], self.mouth[items], self.visemes[items], self.spoken[items])


def collate(utterances: list[Utterance], frames: int = FRAMES) -> Speech:
    """Utterances cut to, or followed by silence up to, the same number of frames."""
    count = len(utterances)
    waveform, mouth = torch.zeros(count, frames * SAMPLES), torch.zeros(count, frames, len(MOUTH_AXES))
    visemes, spoken = torch.zeros(count, frames, dtype=torch.int64), torch.zeros(count, frames, dtype=torch.bool)
    for row, utterance in enumerate(utterances):
        lasts = min(frames, len(utterance.mouth))
        heard = utterance.waveform[: frames * SAMPLES]
        waveform[row, : len(heard)] = heard
        mouth[row, :lasts], visemes[row, :lasts] = utterance.mouth[:lasts], utterance.visemes[:lasts]
        spoken[row, :lasts] = True
    return Speech(waveform, mouth, visemes, spoken)


def first_speech(split: Split, count: int, chunk: int = 50) -> Iterator[Speech]:
    """What the first ``count`` avatars of a split say, ``chunk`` at a time."""
    for start in range(0, count, chunk):
        seeds = split.seeds(start, min(chunk, count - start)).tolist()
        yield collate([sample_utterance(seed) for seed in seeds])


def _shapes(size: int) -> Shapes:
    return {
        "waveform": ((FRAMES * SAMPLES,), "i2"),
        "mouth": ((FRAMES, len(MOUTH_AXES)), "f4"),
        "visemes": ((FRAMES,), "u1"),
        "spoken": ((FRAMES,), "?"),
        "seed": ((), "i8"),
    }


def _tell(record: Record, size: int) -> dict[str, Tensor]:
    speech = collate([sample_utterance(seed) for seed in record.seed.tolist()])
    return {
        "waveform": (speech.waveform * LOUDEST).round().to(torch.int16),
        "mouth": speech.mouth,
        "visemes": speech.visemes.to(torch.uint8),
        "spoken": speech.spoken,
        "seed": record.seed,
    }


SPEECH = Contents(_shapes, _tell)
"""What the avatars say, and nothing that can be seen: 62 kB a record."""


class CachedSpeech(Cache):
    """A finished cache of speech."""

    contents = SPEECH

    def speech(self, indices: Tensor | slice) -> Speech:
        """Some of it."""
        rows = self.rows(indices)
        return Speech(rows["waveform"].float() / LOUDEST, rows["mouth"], rows["visemes"].long(), rows["spoken"])

    def batches(self, batch_size: int, seed: int) -> SpeechBatches:
        """Shuffled batches."""
        return SpeechBatches(self, Order(len(self), batch_size, seed))


class SpeechBatches:
    """Batches of cached speech as a function of the step."""

    def __init__(self, source: CachedSpeech, order: Order) -> None:
        self._source, self._order = source, order

    @property
    def fingerprint(self) -> str:
        """The cache's."""
        return self._source.fingerprint

    def __call__(self, step: int) -> Mapping[str, Speech]:
        """``speech`` of the step's records."""
        indices, _ = self._order(step)
        return {"speech": self._source.speech(indices)}
