"""``misen matrix``: every family by every modality by every route."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from misen.cli.evaluate import Batch, Count, Seed
from misen.cli.options import Json

if TYPE_CHECKING:
    from misen.app.evaluate import Cell


def matrix(
    *,
    n: Count = 100,
    seed: Seed = 0,
    modalities: Annotated[str, typer.Option(metavar="M,M,...", help="Some modalities instead of all.")] = "",
    batch: Batch = 16,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="JSON lines, one per cell; continued if there.")
    ] = None,
    json: Json = False,
) -> None:
    """How well each family obeys each modality by each route, or why it cannot."""
    from misen.cli.meter import metered
    from misen.cli.printing import print_json

    with metered() as meter:
        cells = _cells(n, seed, [name.strip() for name in modalities.split(",") if name.strip()], batch, out, meter)
    if json:
        print_json({"n": n, "seed": seed, "cells": [cell.to_json() for cell in cells]})
    else:
        _show(cells)


def _cells(
    n: int, seed: int, asked: Sequence[str], batch: int, out: Path | None, meter: Callable[[float, str], None]
) -> list[Cell]:
    """The cells, each written to ``out`` as soon as it is known."""
    from misen.app.evaluate import append_cell, best_models, evaluate_matrix, read_cells

    done = read_cells(out) if out else []
    written, cells = {cell.place for cell in done}, []

    def watch(cell: Cell, fraction: float) -> None:
        meter(fraction, f"{cell.family}, {cell.modality}, {cell.route}")

    for cell in evaluate_matrix(best_models(batch), asked, n=n, seed=seed, done=done, watch=watch):
        cells.append(cell)
        if out and cell.place not in written:
            append_cell(out, cell)
    return cells


def _show(cells: Sequence[Cell]) -> None:
    from misen.cli.printing import print_table

    columns = ("family", "model", "modality", "route", "normalized adherence [95 % interval]")
    print_table(columns, [(c.family, c.model or "none", c.modality, c.route, c.describe()) for c in cells])
