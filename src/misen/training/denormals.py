"""Numbers so small that a CPU takes many times as long for them, and whose loss nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Count numbers that are too small to be normal as zero; also a decorator.

    Threads keep to what held in the thread that began them: enter before the first computation.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
