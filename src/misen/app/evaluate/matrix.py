"""Every family by every modality by every route: how well it obeys, or why it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from misen.app.destinations import check_folder, check_free
from misen.app.evaluate.adherence import evaluate_adherence
from misen.app.evaluate.examination import Examination, Examinee, Trained, standard
from misen.app.model import load
from misen.core.errors import FormatError, NotFoundError, Unreachable
from misen.core.guidance import Route
from misen.core.registry import families, lookup, modalities
from misen.metrics.report import Report

ROUTES: tuple[Route, ...] = tuple(route for route in get_args(Route) if route != "auto")
"""The ways in which a guidance can act."""


@dataclass(frozen=True)
class Contestant:
    """A family and its best model.

    Attributes:
        family: its name.
        examinee: the model; None when there is none.
        sha256: digest of the model's weights.
        absent: why there is no model.
    """

    family: str
    examinee: Examinee | None
    sha256: str = ""
    absent: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell(Report):
    """One place of the matrix.

    Attributes:
        family: kind of generator.
        model: its best model, "" when there is none.
        sha256: digest of the model's weights.
        modality: what the wishes are.
        route: how they were to act.
        n: wishes.
        seed: chooses them from the test range.
        judge: name and hash of the network that judged.
        adherence: every figure of ``misen evaluate adherence``; None when refused.
        refusal: why this cannot be done, "" when it can.
    """

    family: str
    model: str
    sha256: str
    modality: str
    route: str
    n: int
    seed: int
    judge: str
    adherence: Mapping[str, Any] | None = None
    refusal: str = ""

    @property
    def place(self) -> tuple[Any, ...]:
        """What tells it from other cells, whatever was found."""
        return self.family, self.model, self.sha256, self.modality, self.route, self.n, self.seed, self.judge

    def describe(self) -> str:
        """The normalized score with its interval, or the reason of a refusal."""
        if self.adherence is None:
            return f"refused: {self.refusal}"
        value, (low, high) = self.adherence["normalized"], self.adherence["ci95"]
        return "not a number" if value is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


Watch = Callable[[Cell, float], None]
"""Told which cell is under way and which fraction of all the work is done."""


def evaluate_matrix(
    contestants: Sequence[Contestant],
    asked: Sequence[str] = (),
    *,
    n: int = 100,
    seed: int = 0,
    done: Iterable[Cell] = (),
    watch: Watch = lambda cell, fraction: None,
    examination: Examination | None = None,
) -> Iterator[Cell]:
    """The cells of the matrix one after another; those ``done`` before are given again instead of measured.

    Args:
        contestants: one per family, see :func:`best_models`.
        asked: modalities; all of them if left out.
        n: wishes per cell, at least 6.
        seed: chooses them.
        done: cells of an earlier run.
        watch: told before each cell and while it is measured.
        examination: the standard one if left out.

    Raises:
        InputError: ``n`` is too small.
        NotFoundError: there is no such modality.
    """
    known, bench = {cell.place: cell for cell in done}, examination or standard()
    names = [lookup("modality", name, modalities()) for name in asked] or list(modalities())
    total = len(contestants) * len(names) * len(ROUTES)
    places = ((entrant, name, route) for entrant in contestants for name in names for route in ROUTES)
    for index, (entrant, modality, route) in enumerate(places):
        cell = _place(entrant, modality, route, n, seed, bench.grader.name)
        tell = _fraction(watch, cell, index, n, total)
        tell(0)
        yield known.get(cell.place) or _filled(cell, entrant, replace(bench, watch=tell))


def best_models(batch_size: int = 16) -> list[Contestant]:
    """The best model of each family of the registry; raises ``ModelFileError`` for one that must not be opened."""
    return [_contestant(family, batch_size) for family in families()]


def _contestant(family: str, batch_size: int) -> Contestant:
    try:
        examinee = Trained(load(family), batch_size)
    except NotFoundError as error:
        return Contestant(family, None, absent=error.message)
    return Contestant(family, examinee, examinee.model.opened.sha256)


def _place(entrant: Contestant, modality: str, route: str, n: int, seed: int, judge: str) -> Cell:
    """A cell about which nothing is known yet."""
    return Cell(
        family=entrant.family,
        model=entrant.examinee.name if entrant.examinee else "",
        sha256=entrant.sha256,
        modality=modality,
        route=route,
        n=n,
        seed=seed,
        judge=judge,
    )


def _filled(cell: Cell, entrant: Contestant, bench: Examination) -> Cell:
    """The cell with its figures, or with the planner's reason, given before any picture is made."""
    if entrant.examinee is None:
        return replace(cell, refusal=entrant.absent)
    try:
        report = evaluate_adherence(
            entrant.examinee, cell.modality, n=cell.n, seed=cell.seed,
            route=cell.route, examination=bench,  # type: ignore[arg-type]  # one of ROUTES
        )  # fmt: skip
    except Unreachable as error:
        return replace(cell, refusal=error.message)
    return replace(cell, adherence=report.to_json())


def _fraction(watch: Watch, cell: Cell, index: int, n: int, total: int) -> Callable[[int], None]:
    return lambda wishes: watch(cell, (index + min(wishes / n, 1.0)) / total)


# --- a file that is continued ---------------------------------------------------------------------------------------


def read_cells(path: Path) -> list[Cell]:
    """The cells of a JSON-lines file; none if there is no file. A last line cut short by a crash is not counted.

    Raises:
        StorageError: its folder is missing or cannot be written to, or it is no file.
        FormatError: a line is no cell.
    """
    check_folder(path.parent)
    check_free(path, overwrite=True)
    lines = path.read_text("utf-8").splitlines(keepends=True) if path.exists() else []
    return [_cell(line, number, path) for number, line in enumerate(lines, 1) if line.endswith("\n")]


def append_cell(path: Path, cell: Cell) -> None:
    """Write a cell as a line of its own, in place of a last line that was cut short."""
    line = json.dumps(cell.to_json(), ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write(line.encode())


def _cell(line: str, number: int, path: Path) -> Cell:
    try:
        return Cell(**json.loads(line))
    except (ValueError, TypeError):
        hint = "name another file, or remove the line"
        raise FormatError(f"{path.name}:{number} is no cell of a matrix", field="out", hint=hint) from None
