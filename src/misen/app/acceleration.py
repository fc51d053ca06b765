"""Acceleration: which way of running a model pays on this machine, told by a short probe whose result is kept."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch

from misen.core.errors import LimitError, StorageError
from misen.core.execution import Execution
from misen.core.files import replace_file
from misen.nn.execution import compilers

STEPS = 4
"""Of each walk that is timed."""
ROUNDS = 3
"""Walks that are timed for each way, after one in which it gets ready; the fastest counts."""
WORTH = 0.9
"""A way pays if it takes at most this fraction of the usual time, getting ready included."""
PATIENCE = 120.0
"""Seconds of work from which on compilers are tried, which take about as long to get ready."""

Walk = Callable[[Execution | None], object]
"""Makes one picture in ``STEPS`` steps, run in a way, or as usual."""


@dataclass(frozen=True)
class Timing:
    """How long a way of running takes.

    Attributes:
        execution: the way; None is the usual one.
        ready: seconds until it runs at its pace; infinite where it does not run at all.
        step: seconds per step after that.
    """

    execution: Execution | None
    ready: float
    step: float

    @classmethod
    def of(cls, walk: Walk, execution: Execution | None) -> Self:
        """Time a way; what fails in the usual way is no matter of speed, and is raised, as is a want of memory."""
        try:
            first = _seconds(walk, execution)
        except LimitError:
            raise
        except Exception:  # compilers fail with errors of any kind, and then there are other ways
            if execution is None:
                raise
            return cls(execution, math.inf, math.inf)
        later = min(_seconds(walk, execution) for _ in range(ROUNDS))
        return cls(execution, max(first - later, 0.0), later / STEPS)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Inverts ``asdict``."""
        execution = document["execution"]
        return cls(Execution(**execution) if execution else None, float(document["ready"]), float(document["step"]))

    def total(self, steps: int) -> float:
        """Seconds for ``steps`` steps from a standing start."""
        return self.ready + steps * self.step


@dataclass(frozen=True)
class Choice:
    """A way of running networks.

    Attributes:
        execution: the way; None is the usual one.
        reason: why, for a person; empty where nobody asked for more speed.
    """

    execution: Execution | None = None
    reason: str = ""


class Notes:
    """Timings under some circumstances, kept in the user's cache folder.

    Args:
        circumstances: whatever timings depend on; others have other notes.
    """

    def __init__(self, circumstances: Mapping[str, str]) -> None:
        self.circumstances = circumstances
        name = hashlib.sha256(json.dumps(circumstances, sort_keys=True).encode()).hexdigest()[:16]
        self.path = folder() / f"{name}.json"
        self.timings = {timing.execution: timing for timing in self._read()}

    def timing(self, walk: Walk, execution: Execution | None) -> Timing:
        """The timing of a way, measured if it has not been; ``LimitError`` where memory forbids the usual one."""
        if execution in self.timings:
            return self.timings[execution]
        try:
            self.timings[execution] = Timing.of(walk, execution)
        except LimitError:
            if execution is None:
                raise
            return Timing(execution, math.inf, math.inf)  # today; there may be more memory another time
        self._write()
        return self.timings[execution]

    def _read(self) -> Iterator[Timing]:
        with suppress(OSError, ValueError, KeyError, TypeError):  # what cannot be read is measured again
            yield from map(Timing.from_json, json.loads(self.path.read_bytes())["timings"])

    def _write(self) -> None:
        timings = [asdict(timing) for timing in self.timings.values()]
        document = json.dumps({"circumstances": self.circumstances, "timings": timings}, indent=1)
        with suppress(OSError, StorageError):  # who has no room for notes measures each time
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, document.encode())


def choose(walk: Walk, steps: int, circumstances: Mapping[str, str]) -> Choice:
    """The fastest way of running a model, or the usual one if none is clearly faster.

    Args:
        walk: makes a picture for the probe.
        steps: that are wanted, over all pictures; what takes long to get ready pays only for many.
        circumstances: whatever timings depend on, beside the machine.

    Raises:
        LimitError: memory does not even suffice for the usual way.
    """
    notes = Notes({**_machine(), **circumstances})
    tried = [notes.timing(walk, execution) for execution in (None, *_ways(circumstances["device"]))]
    best = _best(tried, steps)
    if best.total(steps) > PATIENCE and circumstances["device"] == "cpu":
        further = [replace(best.execution or Execution(), engine=engine) for engine in compilers()]
        tried += [notes.timing(walk, execution) for execution in further]
        best = _best(tried, steps)
    return _settled(best, tried, steps)


def _best(tried: Sequence[Timing], steps: int) -> Timing:
    return min(tried, key=lambda timing: timing.total(steps))


def _settled(best: Timing, tried: Sequence[Timing], steps: int) -> Choice:
    """The best of some ways, of which the first is the usual one, if it pays."""
    usual, *others = tried
    if best.total(steps) >= WORTH * usual.total(steps):
        return Choice(None, f"none of {len(others)} other ways that were timed takes less than {WORTH:.0%} of its time")
    took = f"{best.step:.2g} s a step, as usual {usual.step:.2g} s"
    return Choice(best.execution, f"the fastest of {len(tried)} ways that were timed, {took}")


def folder() -> Path:
    """Where notes are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "misen" / "acceleration"


def _ways(device: str) -> list[Execution]:
    """Ways that are soon ready."""
    threads = sorted({1, torch.get_num_threads()}) if device == "cpu" else [1]
    return [Execution(precision, "eager", count) for precision in ("float32", "bfloat16") for count in threads]


def _machine() -> dict[str, str]:
    """What timings depend on besides the model."""
    return {
        "machine": platform.node(),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
    }


def _seconds(walk: Walk, execution: Execution | None) -> float:
    began = time.perf_counter()
    walk(execution)
    return time.perf_counter() - began
