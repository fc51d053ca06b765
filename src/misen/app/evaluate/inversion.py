"""Whether a model finds the state that a picture would be made from: inverted, made again, compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.app.evaluate.files import compare
from misen.app.evaluate.quality import intervals
from misen.app.inversion import Inverted
from misen.app.model import Model
from misen.core.guidance import Guidance
from misen.core.image import from_bytes, resize
from misen.data.samples import Samples
from misen.editing.methods import AUTO
from misen.metrics.grader import Grader, shipped_grader
from misen.metrics.report import InversionReport
from misen.metrics.rows import ALONE, Row, Work
from misen.perception.figures import mean
from misen.perception.senses import SIZE


def _unwatched(done: int, n: int) -> None:
    """Nobody waits for the pictures."""


def evaluate_inversion(
    model: Model,
    folder: Path | str,
    *,
    method: str = AUTO,
    modalities: Sequence[str] = (),
    grader: Grader | None = None,
    watch: Callable[[int, int], None] = _unwatched,
    work: Work = ALONE,
    **settings: Any,
) -> InversionReport:
    """Invert the pictures of a folder one by one, and make each again from what was found.

    Args:
        model: with the settings below.
        folder: in the convention of imagefolder; see `misen world render`.
        method: as of ``Model.invert``.
        modalities: what guides; columns of the folder's ``metadata.jsonl``.
        grader: the judge's networks; those that ship if left out.
        watch: told how many of how many pictures are done.
        work: by how many processes, and in which journal.
        settings: what else ``Model.invert`` is asked for, such as ``num_inference_steps``, ``space`` or ``tune``.

    Raises:
        NotFoundError: there is no such folder, or nothing in it.
        InputError: a setting, column or picture that cannot be used, or the journal is about something else.
        Unreachable: the model has no way back under these wishes.
        StorageError: the journal cannot be written.
    """
    side, samples = grader or shipped_grader(), Samples.read(Path(folder), model.size, {m: m for m in modalities})
    images, count = from_bytes(samples.pixels), len(samples)

    def measure(item: int) -> Row:
        wishes = [Guidance(signal=signal[item]) for signal in samples.signals.values()]
        return _row(model.invert(images[item], *wishes, method=method, **settings), images[item : item + 1], side)

    asked = {name: str(value) for name, value in sorted(settings.items())}
    pictures = {"pictures": samples.fingerprint, "weights": model.opened.sha256, "judge": side.name}
    rows = work.rows(
        measure, count, {"of": "inversion", "method": method, **pictures, **asked}, lambda done: watch(done, count)
    )
    return _report(model.name, rows, "+".join(modalities), side)


def _row(inverted: Inverted, image: Tensor, grader: Grader) -> Row:
    """How an inversion went, and the figures of the picture (1, 3, H, W) made again."""
    found = inverted.inversion
    fidelity = {"psnr_codec": found.fidelity.codec, "psnr_ceiling": found.fidelity.ceiling}
    figures = compare(resize(image, SIZE), found.images.float().cpu(), grader) | fidelity
    told = {
        "method": inverted.method,
        "steps": inverted.steps,
        "guidance_scale": inverted.recipe.guidance_scale or 0.0,
        "seconds": inverted.seconds,
    }
    return {"told": told, "figures": {name: float(values) for name, values in figures.items()}}


def _report(model: str, rows: Sequence[Row], wish: str, grader: Grader) -> InversionReport:
    """The figures of all rows, of which each was made alike."""
    told, names = [row["told"] for row in rows], rows[0]["figures"]
    columns = {name: torch.tensor([row["figures"][name] for row in rows], dtype=torch.float64) for name in names}
    figures = {name: mean(column) for name, column in columns.items()}
    return InversionReport(
        model=model,
        method=told[0]["method"],
        wish=wish,
        steps=told[0]["steps"],
        guidance_scale=told[0]["guidance_scale"],
        n=len(rows),
        ci95=intervals(figures),
        extractor=grader.name,
        seconds_per_image=sum(one["seconds"] for one in told) / len(rows),
        **{name: figure.value for name, figure in figures.items()},
    )
