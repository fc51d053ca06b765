"""How long a person waits: for the package, for help, and for the first picture of a process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.commands import run
from benchmarks.timing import Effort, Row, median, seconds

WORDS = "a smiling woman with red hair and round glasses"


def rows(effort: Effort) -> Iterator[Row]:
    """Import, help, and words to a file."""
    imports, helps = seconds(effort, lambda: run("-c", "import misen"), lambda: run("-m", "misen", "--help"))
    yield Row("import misen", median(imports), "s")
    yield Row("misen --help", median(helps), "s", "<= 0.5")
    with tempfile.TemporaryDirectory() as folder:
        generate = ("-m", "misen", "generate", "--text", WORDS, "--seed", "7", "--overwrite", "-o")
        (pictures,) = seconds(effort, lambda: run(*generate, str(Path(folder) / "first.png")))
    yield Row("misen generate, process to file", median(pictures), "s", "<= 10")
