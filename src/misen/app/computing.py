"""A fixed way of computing on the CPU, so that pixels do not depend on the machine's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

INNER_THREADS = 1
"""Threads inside one operation. The number decides how sums are divided, and so their last bits; see ADR 0011."""


@contextmanager
def fixed() -> Iterator[None]:
    """Compute with ``INNER_THREADS`` threads, whatever the environment asks for; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(INNER_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
