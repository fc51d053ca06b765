"""A fixed way of computing on the CPU, so that pixels do not depend on the machine's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

INNER_THREADS = 2
"""Threads inside one operation; how work is divided can change the last bit of a sum."""


@contextmanager
def fixed() -> Iterator[None]:
    """Compute with ``INNER_THREADS`` threads, whatever the environment asks for; restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(INNER_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
