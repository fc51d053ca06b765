"""What pictures would take, told before they are made; and what happens where memory does not suffice."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from misen.app.computing import fixed, threads
from misen.core.errors import LimitError
from misen.core.execution import Engine
from misen.core.generator import Generator, Sampler, Sizable
from misen.nn import pace, room
from misen.nn.execution import uncompiled
from misen.nn.room import Burden, written
from misen.synthesis import Plan
from misen.synthesis.rehearse import WALK, Cost, Pace, rehearse

if TYPE_CHECKING:
    from misen.app.model import Model
    from misen.app.request import Request

ROOMY = 1 << 16
"""Bytes per pixel of a picture that no network takes: where they are free, nothing needs to be rehearsed."""


@dataclass(frozen=True)
class Forecast:
    """What a request would take on this machine, as it is at the moment.

    Attributes:
        memory: bytes that the process holds at its peak.
        free: bytes that are free before the model is opened.
        flops: floating-point operations of one picture.
        opening: seconds until the model is open; 0 if it is.
        seconds: of one picture.
        way: how its networks are run, and why; empty as usual, where nobody asked for more.
        uncounted: what is also done, and is in none of these figures.
    """

    memory: int
    free: int
    flops: int
    opening: float
    seconds: float
    way: str = ""
    uncounted: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)

    def explain(self) -> str:
        """The same for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        opening = f"{self.opening:.2g} s to open the model, " if self.opening else ""
        memory = f"{written(self.memory)} of memory, with {written(self.free)} free"
        if self.way:
            yield f"run {self.way}"
        yield f"about {memory}; {opening}{self.seconds:.2g} s and {self.flops / 1e9:,.1f} GFLOP a picture"
        if self.uncounted:
            yield f"not counted: {', '.join(self.uncounted)}"


def forecast(model: Model, request: Request) -> Forecast:
    """What a checked request would take: shapes are followed through the networks, samples of the work are timed.

    Feature caching, adapters, precision and threads are as the request has them, and what is not counted is told; a
    model of which there is only an outline is forecast with its opening.
    """
    free, outline = room.free(model.device), model.opened.outline
    burden = outline.burden if outline else Burden()
    workload = model.workload(request.part(slice(0, 1)))
    standing, cost = room.taken(), workload.cost()
    with fixed(threads(request.execution)):
        opening, seconds = pace.opening(burden), pace.seconds(cost.calls)
    memory = standing + max(burden.peak, burden.opened + cost.peak)
    uncounted = tuple(_uncounted(request, workload.plan, model.decide(request)))
    return Forecast(memory, free, cost.flops, opening, seconds, _way(request), uncounted)


def _way(request: Request) -> str:
    """How networks are run, and why, where more speed was asked for."""
    way = f"in {request.execution}" if request.execution else "as usual"
    return f"{way}: {request.reason}" if request.reason else ""


def _uncounted(request: Request, walk: Plan, whole: Plan) -> Iterator[str]:
    """What a request also takes, beside the walk of its own network and in the whole."""
    if walk.guided:
        yield "what energies compute"
    if any(decision.energy and decision.guidance.consistency.through for decision in walk.decisions):
        yield "gradients through the network"
    if request.tries > 1:
        yield f"{request.tries - 1} further candidates of each picture"
    if request.canvas is not None:
        yield "reading the picture"
    if walk.besides:
        yield f"all but the predictions of {', '.join(walk.besides)}"
    yield from whole.besides.keys() - walk.besides.keys()
    if request.execution is not None and request.execution.engine != "eager":
        yield "compiling, and what it saves"


@dataclass(frozen=True)
class Workload:
    """A walk, as far as its cost goes.

    Attributes:
        generator: makes pictures of the size asked for.
        sampler: walks.
        plan: tells how often the generator is asked.
        size: height and width, in pixels.
        pictures: at once.
        device: where the generator is.
        where: the stage that it was built on, if it has no weights.
        pace: how much is walked, and how much of it by the whole network.
        engine: that runs the networks; rehearsals are run operation by operation.
    """

    generator: Generator
    sampler: Sampler
    plan: Plan
    size: tuple[int, int]
    pictures: int
    device: str
    where: FakeTensorMode | None = None
    pace: Pace = WALK
    engine: Engine = "eager"

    def cost(self) -> Cost:
        """Found without walking."""
        how: dict[str, Any] = {"batch": self.pictures, "device": self.device, "where": self.where}
        with uncompiled(self.engine):
            return rehearse(self.generator, self.sampler, self.plan, pace=self.pace, **how)

    def fits(self) -> bool:
        """Whether what is free suffices."""
        return self.cost().peak <= room.free(self.device)

    def check(self) -> None:
        """Refuse what main memory does not take; an accelerator refuses by itself, at no loss.

        Raises:
            LimitError: with what is needed, what is free, and a smaller size that fits.
        """
        height, width = self.size
        roomy = room.free(self.device) >= ROOMY * height * width * self.pictures
        if not roomy and torch.device(self.device).type == "cpu" and not self.fits():
            raise self.refusal()

    def refusal(self) -> LimitError:
        """The error that says what would be needed, and what would do."""
        height, width = self.size
        what = f"a picture of {width} x {height}" if self.pictures == 1 else f"{self.pictures} pictures at once"
        return room.shortage(what, self.cost().peak, self.device, field="size", hint=self._way_out())

    def _way_out(self) -> str:
        if self.pictures > 1:
            return "make fewer at once"
        fitting = next((smaller for smaller in self._smaller() if smaller.fits()), None)
        return "choose a smaller model" if fitting is None else "{1} x {0} fits".format(*fitting.size)

    def _smaller(self) -> Iterator[Workload]:
        """Half the size, half of that and so on, as far as the generator goes."""
        if not isinstance(self.generator, Sizable):
            return
        step, sides = self.generator.side_step, self.size
        while min(sides) >= 2 * step:
            height, width = sides = (sides[0] // 2 // step * step, sides[1] // 2 // step * step)
            yield replace(self, generator=self.generator.sized(height, width), size=sides)


@contextmanager
def sufficient(workload: Workload) -> Iterator[None]:
    """Let a workload be done inside; raises ``LimitError``, before or meanwhile, if memory does not suffice."""
    workload.check()
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_exhaustion(error):
            raise
        traceback.clear_frames(error.__traceback__)  # they hold what was computed so far
        if torch.device(workload.device).type == "cuda":
            torch.cuda.empty_cache()
        raise workload.refusal() from None


def _is_exhaustion(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
