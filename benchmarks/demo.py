"""The gallery, once: it takes as long as it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.commands import run
from benchmarks.timing import Effort, Row, median, seconds


def rows(effort: Effort) -> Iterator[Row]:
    """``misen demo``."""
    with tempfile.TemporaryDirectory() as folder:
        once = replace(effort, rounds=1, warmups=0)
        (gallery,) = seconds(once, lambda: run("-m", "misen", "demo", "-o", str(Path(folder) / "gallery")))
    yield Row("misen demo", median(gallery), "s", "<= 180")
