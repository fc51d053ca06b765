"""Runs benchmarks and prints one table: ``python -m benchmarks [NAME ...] [--quick] [--n N] [--journals DIR]``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.timing import QUICK, Effort, Row
from misen.core.errors import NotFoundError

NAMES = (
    "start", "world", "frechet", "decoders", "pictures", "speed", "student", "guided", "gan", "stylegan", "styleclip",
    "checkpoint", "demo",
)  # fmt: skip
COLUMNS = ("what", "median", "95 % interval", "", "rounds", "bar")


def cells(row: Row) -> Iterator[str]:
    """A line of the table."""
    figure = row.figure
    yield row.name
    yield f"{figure.value:.4g}"
    yield f"{figure.low:.4g} to {figure.high:.4g}" if figure.n > 1 else ""
    yield from (row.unit, str(figure.n), row.bar)


def main() -> None:
    """Run what is named, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if left out")
    parser.add_argument("--quick", action="store_true", help="little work and few rounds: does everything run?")
    parser.add_argument("--n", type=int, metavar="N", help="pictures by which quality is measured, at least 2")
    parser.add_argument("--journals", type=Path, metavar="DIR", help="where long ones keep their rows, and go on")
    given = parser.parse_args()
    usual = replace(QUICK if given.quick else Effort(), journals=given.journals)
    effort = usual if given.n is None else replace(usual, pictures=given.n)
    table, console = Table(*COLUMNS), Console(width=130)
    for name in given.names or NAMES:
        try:
            for row in import_module(f"benchmarks.{name}").rows(effort):
                table.add_row(*cells(row))
        except NotFoundError as absent:
            console.print(f"{name}: not measured, {absent}")
    console.print(table)


if __name__ == "__main__":
    main()
