"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Meter = Callable[[float, str], None]
"""Told which fraction of the work is done, in [0, 1], and a few words about it."""

SECONDS = 5.0
"""Between plain lines."""


@contextmanager
def metered() -> Iterator[Meter]:
    """A meter for the work inside the ``with`` block."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda fraction, words: bar.update(task, completed=fraction, description=words)


class _Lines:
    """Writes a line when the last one is old enough."""

    def __init__(self) -> None:
        self.spoke = time.monotonic()

    def __call__(self, fraction: float, words: str) -> None:
        if time.monotonic() - self.spoke >= SECONDS:
            self.spoke = time.monotonic()
            print(f"{fraction:4.0%} {words}".rstrip(), file=sys.stderr, flush=True)
