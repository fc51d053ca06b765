"""The ways in which the networks of a model can be run, and the one that a request asks for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from misen.app import acceleration, checks
from misen.app.computing import INNER_THREADS, fixed
from misen.app.planning import planned, sampler_of
from misen.app.request import Request
from misen.assembly import Opened
from misen.core.errors import InputError
from misen.core.execution import Execution
from misen.core.generator import Executable, Generator, Reusing, Sizable
from misen.synthesis import synthesize


class Ways:
    """The generator of a model in each way of running it, made ready once.

    Args:
        opened: the model.
        device: where its networks are.
    """

    def __init__(self, opened: Opened, device: str) -> None:
        self.opened, self.device = opened, device
        self._ready: dict[Execution | None, Generator] = {None: opened.generator}

    def generator(self, request: Request) -> Generator:
        """The generator, run as a request asks for and making pictures of its size."""
        generator = self._executed(request.execution)
        sized = generator.sized(request.height, request.width) if isinstance(generator, Sizable) else generator
        return sized if request.cache_interval == 1 else _reusing(sized, request.cache_interval)

    def interval(self, given: object) -> int:
        """The given interval if the generator can reuse what it made; raises ``InputError``."""
        interval = checks.whole(given, "cache_interval", 1, checks.STEPS_LIMIT)
        if interval > 1:
            _reusing(self.opened.generator, interval)
        return interval

    def execution(self, asked: bool | Execution, request: Request) -> Execution | None:
        """The given way, or the one that pays, or None for the usual one; raises ``InputError``."""
        able = isinstance(self.opened.generator, Executable)
        if isinstance(asked, Execution):
            if not able:
                message = f"{self.opened.name} cannot be run otherwise, {asked} was asked for"
                raise InputError(message, field="execution", hint="leave the execution out")
            return asked
        if not asked or not able or self.opened.outline is not None:
            return None
        short = replace(request.part(slice(0, 1)), canvas=None, steps=acceleration.STEPS)
        steps = request.steps * len(request.seeds)
        return acceleration.choose(partial(self._sample, short), steps, self._circumstances(short))

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
        with fixed(threads(short)):
            synthesize(self.generator(short), sampler, plan, seeds=short.seeds, device=self.device)

    def _executed(self, execution: Execution | None) -> Generator:
        """The generator run in a way; it is made ready once."""
        if execution is not None and execution not in self._ready:
            generator = self.opened.generator
            assert isinstance(generator, Executable), "requests for others are refused"
            self._ready[execution] = generator.executed(execution)
        return self._ready[execution]


def threads(request: Request) -> int:
    """Inside one operation."""
    return INNER_THREADS if request.execution is None else request.execution.threads


def _reusing(generator: Generator, interval: int) -> Generator:
    """The generator, asking the whole network in one of ``interval`` predictions; ``InputError`` if it cannot."""
    if not isinstance(generator, Reusing):
        hint = "leave the interval out"
        raise InputError("this model has nothing to reuse from step to step", field="cache_interval", hint=hint)
    return generator.reusing(interval)
