"""One order for a film: that for a picture, repeated for every moment of what moves it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from misen.app import checks
from misen.app.request import Request
from misen.core.errors import InputError
from misen.core.registry import moving
from misen.core.signal import Moving, Signal
from misen.media.sound import Sound

AT_ONCE = 8
"""Frames made at once unless a caller says otherwise."""
RATES = (1, 60)
"""Least and greatest number of frames per second."""


@dataclass(frozen=True)
class Clip:
    """What a film shows.

    Attributes:
        request: for one picture; one of its wishes moves, and lasts as long as the film.
        rate: frames per second.
        at_once: how many frames are made together, of which the last bits of each depend.
    """

    request: Request
    rate: int
    at_once: int = AT_ONCE

    @classmethod
    def of(cls, request: Request, rate: object, at_once: object = AT_ONCE) -> Clip:
        """A checked order; raises ``InputError`` unless one wish moves, and if there are to be several candidates."""
        if (given := len(_moving(request))) != 1:
            hint = f"accepted: {', '.join(moving())}"
            raise InputError(f"a film needs one signal that moves, got {given}", field="film", hint=hint)
        if request.tries > 1:
            message = "frames of a film share their seed, and cannot be chosen among several"
            raise InputError(message, field="best_of", hint="leave it out")
        together = checks.whole(at_once, "batch_size", 1, checks.COUNT_LIMIT)
        return cls(request, checks.whole(rate, "fps", *RATES), together)

    @property
    def seconds(self) -> float:
        """How long what moves it lasts."""
        [signal] = _moving(self.request)
        return float(signal.seconds[0])

    @property
    def sound(self) -> Sound:
        """What is heard."""
        [signal] = _moving(self.request)
        return signal.waveform[0].cpu().numpy()

    def __len__(self) -> int:
        """Frames whose middle lies in what moves it, and at least one."""
        return max(1, math.ceil(self.seconds * self.rate - 0.5))

    def part(self, frames: range) -> Request:
        """The order for the pictures of some frames, which share their seed."""
        request = self.request
        middles = (torch.arange(frames.start, frames.stop, dtype=torch.float64) + 0.5) / self.rate
        return replace(
            request,
            guidances=tuple(replace(wish, signal=_at(wish.signal, middles)) for wish in request.guidances),
            negatives=tuple(_at(signal, middles) for signal in request.negatives),
            seeds=request.seeds * len(frames),
        )

    @property
    def parts(self) -> Sequence[Request]:
        """The orders for all of its frames, each made when it is asked for."""
        return _Parts(self)


@dataclass(frozen=True)
class _Parts(Sequence[Request]):
    """The parts of a clip, of which only one at a time need be there."""

    clip: Clip

    @property
    def firsts(self) -> range:
        """The first frame of each part."""
        return range(0, len(self.clip), self.clip.at_once)

    def __len__(self) -> int:
        return len(self.firsts)

    def __getitem__(self, index: int) -> Request:  # type: ignore[override]  # nobody asks for several
        first = self.firsts[index]
        return self.clip.part(range(first, min(first + self.clip.at_once, len(self.clip))))


def _moving(request: Request) -> list[Moving]:
    return [wish.signal for wish in request.guidances if isinstance(wish.signal, Moving)]


def _at(signal: Signal, seconds: Tensor) -> Signal:
    """What a signal tells of pictures at some moments; most tell the same of all."""
    return signal.around(seconds) if isinstance(signal, Moving) else signal
