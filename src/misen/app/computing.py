"""A fixed way of computing on the CPU, so that pixels do not depend on the machine's settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from misen.core.execution import Execution

INNER_THREADS = 1
"""Threads inside one operation. The number decides how sums are divided, and so their last bits; see ADR 0011."""


class _Depth(threading.local):
    """How often the present thread has entered and not yet left."""

    value = 0


class _Inside:
    """Who computes now; libraries share one number of threads, so who wants another one waits.

    The last to leave restores what the first found. Who is inside already goes on with the number that holds there.
    """

    def __init__(self) -> None:
        self.left, self.count, self.depth = threading.Condition(), 0, _Depth()
        self.threads = self.before = INNER_THREADS

    def enter(self, threads: int) -> None:
        self.depth.value += 1
        if self.depth.value > 1:
            return
        with self.left:
            self.left.wait_for(lambda: self.count == 0 or self.threads == threads)
            if self.count == 0:
                self.before, self.threads = torch.get_num_threads(), threads
            self.count += 1
            torch.set_num_threads(threads)

    def leave(self) -> None:
        self.depth.value -= 1
        if self.depth.value > 0:
            return
        with self.left:
            self.count -= 1
            if self.count == 0:
                torch.set_num_threads(self.before)
                self.left.notify_all()


_INSIDE = _Inside()


@contextmanager
def fixed(threads: int = INNER_THREADS) -> Iterator[None]:
    """Compute with a number of threads, whatever the environment asks for; restored afterwards."""
    _INSIDE.enter(threads)
    try:
        yield
    finally:
        _INSIDE.leave()


def threads(execution: Execution | None) -> int:
    """Inside one operation, when networks are run in a way, or as usual."""
    return INNER_THREADS if execution is None else execution.threads
