"""The ways in which the networks of a model can be run, and the one that a request asks for."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial

from misen.app import acceleration, checks
from misen.app.acceleration import Choice
from misen.app.computing import fixed, threads
from misen.app.forecast import Workload, sufficient
from misen.app.planning import planned, sampler_of
from misen.app.request import Request
from misen.app.sides import Sides
from misen.assembly import Opened
from misen.core.errors import InputError
from misen.core.execution import Execution
from misen.core.generator import Executable, Generator, Reusing, Sizable
from misen.synthesis import synthesize
from misen.synthesis.rehearse import Pace


class Ways:
    """The generator of a model as it is usually run, and in the other way that was last asked for.

    Args:
        opened: the model.
        sides: of its pictures.
        device: where its networks are.
    """

    def __init__(self, opened: Opened, sides: Sides, device: str) -> None:
        self.opened, self.sides, self.device = opened, sides, device
        self._other: tuple[Execution | None, Generator] = None, opened.generator

    def generator(self, request: Request) -> Generator:
        """The generator, run as a request asks for and making pictures of its size."""
        generator = self._executed(request.execution)
        size = self.sides.made(request.height, request.width)
        sized = generator.sized(*size) if isinstance(generator, Sizable) else generator
        return sized if request.cache_interval == 1 else _reusing(sized, request.cache_interval)

    def workload(self, request: Request) -> Workload:
        """What of a checked request decides its cost."""
        strength = request.strength if request.canvas is not None else 1.0
        return Workload(
            generator=self.generator(request),
            sampler=sampler_of(self.opened, request),
            plan=planned(self.opened, request),
            size=self.sides.made(request.height, request.width),
            pictures=len(request.seeds),
            device=self.device,
            where=self.opened.outline.stage if self.opened.outline else None,
            pace=Pace(strength, request.cache_interval, jointly=request.execution is not None),
            engine=request.execution.engine if request.execution else "eager",
        )

    def interval(self, given: object) -> int:
        """The given interval if the generator can reuse what it made; raises ``InputError``."""
        interval = checks.whole(given, "cache_interval", 1, checks.STEPS_LIMIT)
        if interval > 1:
            _reusing(self.opened.generator, interval)
        return interval

    def settled(self, asked: bool | Execution, request: Request) -> Request:
        """The request, to be run in the given way or in the one that pays.

        Warns where another way is asked for and there can be none.

        Raises:
            InputError: the model cannot be run in the given way.
            LimitError: memory does not even suffice for the usual one.
        """
        choice = self._choice(asked, request)
        return replace(request, execution=choice.execution, reason=choice.reason)

    def _choice(self, asked: bool | Execution, request: Request) -> Choice:
        obstacle = self._obstacle()
        if isinstance(asked, Execution):
            if not isinstance(self.opened.generator, Executable):
                raise InputError(
                    f"{obstacle}, {asked} was asked for", field="execution", hint="leave the execution out"
                )
            return Choice(asked, "as was asked for")
        if not asked:
            return Choice()
        if obstacle:
            warnings.warn(f"not accelerated: {obstacle}", stacklevel=5)
            return Choice(None, obstacle)
        short = replace(request.part(slice(0, 1)), canvas=None, steps=acceleration.STEPS)
        steps = request.steps * len(request.seeds)
        return acceleration.choose(partial(self._sample, short), steps, self._circumstances(short))

    def _obstacle(self) -> str:
        """Why no other way can be chosen; empty if one can."""
        if not isinstance(self.opened.generator, Executable):
            return f"{self.opened.name} cannot be run otherwise"
        return f"only the outline of {self.opened.name} is there to try" if self.opened.outline is not None else ""

    def _circumstances(self, short: Request) -> dict[str, str]:
        """What the time of a short walk depends on, beside the machine."""
        plan = planned(self.opened, short)
        moved = [one.guidance for one in plan.decisions if one.route == "consistency"]
        return {
            "device": self.device,
            "weights": " ".join((self.opened.sha256, *(adapter.sha256 for adapter in self.opened.adapters))),
            "size": f"{short.width}x{short.height}",
            "walk": f"{plan.evaluations} evaluations by {short.sampler}, {plan.gradients} gradients",
            "cache_interval": str(short.cache_interval),
            "moved by": ", ".join(f"{wish.modality} {wish.consistency}" for wish in moved),
        }

    def _sample(self, short: Request, execution: Execution | None) -> None:
        """A short walk, run in some way."""
        short = replace(short, execution=execution)
        sampler, plan = sampler_of(self.opened, short), planned(self.opened, short)
        with fixed(threads(execution)), sufficient(self.workload(short)):
            synthesize(self.generator(short), sampler, plan, seeds=short.seeds, device=self.device)

    def _executed(self, execution: Execution | None) -> Generator:
        """The generator run in a way; the number of threads is no part of it."""
        if execution is None:
            return self.opened.generator
        way, (ready, other) = replace(execution, threads=1), self._other
        if way != ready:
            self._other = None, self.opened.generator  # what was ready goes before there is another copy
            generator = self.opened.generator
            assert isinstance(generator, Executable), "requests for others are refused"
            other = generator.executed(execution)
            self._other = way, other
        return other


def _reusing(generator: Generator, interval: int) -> Generator:
    """The generator, asking the whole network in one of ``interval`` predictions; ``InputError`` if it cannot."""
    if not isinstance(generator, Reusing):
        hint = "leave the interval out"
        raise InputError("this model has nothing to reuse from step to step", field="cache_interval", hint=hint)
    return generator.reusing(interval)
