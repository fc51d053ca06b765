"""Those who are told how training goes: the console, a log, TensorBoard, and evaluations every few minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from misen.core.files import replace_file
from misen.training.report import Report
from misen.training.schedule import spent

if TYPE_CHECKING:
    from misen.training.trainer import Trainer


class Callback:
    """Is told; the default listens and does nothing. Lives on the first process only."""

    def started(self, trainer: Trainer) -> None:
        """Training begins, or goes on at ``trainer.step``."""

    def stepped(self, trainer: Trainer) -> None:
        """A step was done."""

    def reported(self, trainer: Trainer, report: Report) -> None:
        """There are figures."""

    def finished(self, trainer: Trainer) -> None:
        """Training reached its end, and its last checkpoint is saved."""


class Console(Callback):
    """A progress bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: RichConsole | None = None) -> None:
        self._console = console or RichConsole(stderr=True)
        text = (TextColumn("{task.description}"), TextColumn("{task.fields[figures]}"))
        self._bar = Progress(*text, BarColumn(), TimeElapsedColumn(), console=self._console, transient=True)

    def started(self, trainer: Trainer) -> None:
        """Show the bar."""
        if self._console.is_terminal:
            self._task = self._bar.add_task(trainer.config.name, total=1.0, figures="")
            self._bar.start()
        if trainer.step:
            self._print(f"{trainer.config.name}: going on at step {trainer.step}")

    def reported(self, trainer: Trainer, report: Report) -> None:
        """Show the figures."""
        self._print(line(report))
        if self._console.is_terminal:
            done = spent(trainer.config, report.step, report.minutes)
            self._bar.update(self._task, completed=done, figures=f"step {report.step}")

    def finished(self, trainer: Trainer) -> None:
        """Take the bar away and say where the weights are."""
        if self._console.is_terminal:
            self._bar.stop()
        self._print(f"{trainer.config.name}: {trainer.step} steps in {trainer.minutes:.1f} min -> {trainer.folder}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def line(report: Report) -> str:
    """A report as one line of text."""
    head = f"step {report.step}  {report.minutes:.1f} min  lr {report.lr:.2e}"
    speed = f"  {report.samples_per_second:.0f}/s" if report.samples_per_second else ""
    return head + speed + "".join(f"  {name} {value:.4g}" for name, value in report.figures.items())


class JsonLines(Callback):
    """A log with one JSON object per report; a run that goes on drops what lies after its checkpoint."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def started(self, trainer: Trainer) -> None:
        """Open the log, cut at ``trainer.step``."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        old = self._path.read_text(encoding="utf-8").splitlines(keepends=True) if self._path.exists() else []
        replace_file(self._path, "".join(entry for entry in old if _before(entry, trainer.step)).encode())

    def reported(self, trainer: Trainer, report: Report) -> None:
        """Append the report."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(report.to_json()) + "\n")


def _before(entry: str, step: int) -> bool:
    """Whether a log entry is whole and not later than ``step``."""
    try:
        return bool(json.loads(entry)["step"] <= step)
    except (json.JSONDecodeError, KeyError):
        return False


class Tensorboard(Callback):
    """Scalars for TensorBoard; needs the extra ``misen[train]``."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))

    def reported(self, trainer: Trainer, report: Report) -> None:
        """Write the figures at their step."""
        for name, value in {"lr": report.lr, **report.figures}.items():
            self._writer.add_scalar(name.replace(".", "/"), value, report.step)

    def finished(self, trainer: Trainer) -> None:
        """Close the file."""
        self._writer.close()


class Evaluation(Callback):
    """Measures the averaged weights every few minutes and at the end.

    Args:
        measure: called with the step inside ``trainer.averaged()`` and ``torch.no_grad()``; returns figures.
        minutes: pause between two measurements.
    """

    def __init__(self, measure: Callable[[int], Mapping[str, float]], minutes: float = 5.0) -> None:
        self._measure, self._pause, self._last = measure, minutes * 60, 0.0

    def started(self, trainer: Trainer) -> None:
        """Start the clock."""
        self._last = time.monotonic()

    def stepped(self, trainer: Trainer) -> None:
        """Measure if it is time."""
        if time.monotonic() - self._last > self._pause:
            self._announce(trainer)
            self._last = time.monotonic()

    def finished(self, trainer: Trainer) -> None:
        """Measure a last time."""
        self._announce(trainer)

    def _announce(self, trainer: Trainer) -> None:
        import torch

        with trainer.averaged(), torch.no_grad():
            figures = self._measure(trainer.step)
        trainer.announce({f"evaluation.{name}": value for name, value in figures.items()})
