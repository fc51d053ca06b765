"""Who is examined, with what, and on which wishes.

The wishes come from the test range of the world, behind the renders that the reference was made from, so no model has
seen them and none is compared with itself. ``seed`` chooses which; pictures are made from the seeds of their avatars.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from misen.app.model import Model
from misen.core.guidance import Guidance
from misen.core.seeding import check_seed
from misen.core.signal import Signal
from misen.data.cache import CachedWorld
from misen.data.world import tell_truth
from misen.metrics.grader import CHUNK, Grader, shipped_grader
from misen.metrics.reference import Reference
from misen.nn.weights import shipped
from misen.scene.record import Record
from misen.scene.splits import TEST, Split
from misen.scene.truth import Truth

FIRST, STRIDE = 20_000, 2_000
"""Element of the split at which the wishes of seed 0 begin, and elements from one seed to the next."""
CACHE = "MISEN_TEST_CACHE"
"""Environment variable: folder of a rendered cache of the test range, which saves rendering it again."""


class Examinee(Protocol):
    """What can be measured: it makes pictures for guidances."""

    @property
    def name(self) -> str:
        """As in reports."""
        ...

    @property
    def native(self) -> frozenset[str]:
        """Modalities it was trained on."""
        ...

    def route(self, guidances: Sequence[Guidance]) -> str:
        """How the guidances act; raises ``Unreachable``."""
        ...

    def make(self, guidances: Sequence[Guidance], seeds: Sequence[int]) -> Tensor:
        """(B, 3, H, W) in [-1, 1], one picture per seed; each guidance has one item per seed."""
        ...


@dataclass(frozen=True)
class Trained:
    """A model as an examinee.

    Attributes:
        model: used with its defaults.
        batch_size: pictures per forward.
        half: make pictures in bfloat16, which some CPUs multiply several times faster; judges stay exact.
    """

    model: Model
    batch_size: int = 16
    half: bool = False

    @property
    def name(self) -> str:
        """The model's, and how it was asked to compute."""
        return f"{self.model.name}, bfloat16" if self.half else self.model.name

    @property
    def native(self) -> frozenset[str]:
        """Modalities of its ports."""
        return self.model.native

    def route(self, guidances: Sequence[Guidance]) -> str:
        """The planner's choices."""
        return "+".join(decision.route for decision in self.model.plan(*guidances, seed=0).decisions)

    def make(self, guidances: Sequence[Guidance], seeds: Sequence[int]) -> Tensor:
        """Pictures in batches; see ``Model`` for what that changes."""
        with torch.autocast(torch.device(self.model.device).type, torch.bfloat16, enabled=self.half):
            result = self.model.synthesize(*guidances, seed=list(seeds), batch_size=self.batch_size)
        return torch.stack([picture.tensor for picture in result.images])

    def reconstruct(self, images: Tensor) -> Tensor:
        """Each picture edited with strength 0."""
        edited = [self.model.edit(image, strength=0.0, seed=0).images[0].tensor for image in images]
        return torch.stack(edited)


Guide = Callable[..., Guidance]
"""Makes guidance of a ``signal``; a partial ``Guidance`` says how it acts."""


def wish(examinee: Examinee, signals: Sequence[Signal], record: Record, guide: Guide = Guidance) -> Tensor:
    """(B, 3, H, W) pictures for B avatars, one item of every signal each, from the avatars' seeds."""
    return examinee.make([guide(signal=signal) for signal in signals], record.seed.tolist())


def _unwatched(done: int) -> None:
    """Nobody waits for the pictures."""


@dataclass(frozen=True)
class Examination:
    """What models are measured with.

    Attributes:
        grader: the judge's networks.
        reference: real and naive pictures in the judge's features.
        truth: avatars of the split, from an element on, as many as asked for.
        watch: told how many wishes are done.
    """

    grader: Grader
    reference: Reference
    truth: Callable[[int, int], Truth]
    watch: Callable[[int], None] = _unwatched

    def truths(self, n: int, seed: int) -> Iterator[Truth]:
        """``n`` avatars in parts of nearly equal size, of two avatars or more if ``n`` is."""
        first = FIRST + STRIDE * check_seed(seed)
        for part in torch.arange(n).tensor_split(-(-n // CHUNK)):
            yield self.truth(first + int(part[0]), len(part))
            self.watch(int(part[-1]) + 1)


def standard(split: Split = TEST, watch: Callable[[int], None] = _unwatched) -> Examination:
    """The examination with the judge and the reference that ship, on wishes of ``split``.

    Raises:
        NotFoundError: the judge or the reference is not installed.
        ModelFileError: the reference was made with another judge.
    """
    grader = shipped_grader()
    return Examination(grader, Reference.load(shipped("reference"), grader.name), truths_of(split), watch)


def truths_of(split: Split) -> Callable[[int, int], Truth]:
    """Avatars of a split, from the cache in ``MISEN_TEST_CACHE`` where it has them, else rendered."""
    folder = os.environ.get(CACHE)
    cache = CachedWorld(folder) if folder else None

    def truth(start: int, count: int) -> Truth:
        if cache is not None and cache.manifest.split == split.name and split.slot == 1:
            offset = split.first + start - cache.manifest.first
            if 0 <= offset <= len(cache) - count:
                return cache.truth(slice(offset, offset + count))
        return tell_truth(split.records(start, count))

    return truth
