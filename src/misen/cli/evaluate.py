"""``misen evaluate``: quality, adherence, editing, reconstruction, and any two folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from misen.cli.options import Json, ModelName
from misen.core.errors import InputError

if TYPE_CHECKING:
    from misen.app.evaluate import Examination, Trained
    from misen.metrics.report import Report

Count = Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many wishes.")]
Seed = Annotated[int, typer.Option(help="Chooses the wishes from the test range.")]
Batch = Annotated[int, typer.Option("--batch-size", help="Pictures per forward.")]
Half = Annotated[bool, typer.Option("--half", help="Make the pictures in bfloat16: faster on some CPUs, less exact.")]
Route = Annotated[str, typer.Option(metavar="auto|native|adapted|consistency", help="How the wishes act.")]
SplitName = Annotated[str, typer.Option("--split", help="Where the wishes come from; composition: never trained on.")]


def quality(
    *,
    model: ModelName = None,
    n: Count = 2000,
    seed: Seed = 0,
    batch: Batch = 16,
    half: Half = False,
    json: Json = False,
) -> None:
    """FID, KID, IS, LPIPS diversity, precision and recall against renders of the test range."""
    from misen.app.evaluate import evaluate_quality

    examinee = _examinee(model, batch, half=half)
    with _examination("test", n) as bench:
        report = evaluate_quality(examinee, n=n, seed=seed, examination=bench)
    _show(report, json=json)


def adherence(
    *,
    modality: Annotated[str, typer.Option(metavar="M", help="What the wishes are; see `misen models`.")],
    beside: Annotated[str, typer.Option("--beside", metavar="M", help="Measure what it loses beside this one.")] = "",
    model: ModelName = None,
    route: Route = "auto",
    n: Count = 500,
    seed: Seed = 0,
    split: SplitName = "test",
    batch: Batch = 16,
    half: Half = False,
    json: Json = False,
) -> None:
    """Whether pictures obey a modality, by a judge that never steers."""
    if beside and route != "auto":
        raise InputError("--beside cannot be combined with --route", field="beside", hint="leave one of them out")
    from misen.app.evaluate import evaluate_adherence, evaluate_together

    examinee = _examinee(model, batch, half=half)
    with _examination(split, n) as bench:
        report: Report = (
            evaluate_together(examinee, modality, beside, n=n, seed=seed, examination=bench)
            if beside
            else evaluate_adherence(examinee, modality, n=n, seed=seed, route=route, examination=bench)  # type: ignore[arg-type]
        )
    _show(report, json=json)


def editing(
    *,
    method: Annotated[str, typer.Option(metavar="METHOD", help="How pictures are changed; see `misen edit`.")] = "auto",
    strength: Annotated[float | None, typer.Option(help="Of each edit; as usual for the method if left out.")] = None,
    model: ModelName = None,
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many edits.")] = 100,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Whether one trait of a picture changes as asked in words, and nothing else does."""
    from misen.app import load
    from misen.app.evaluate import Retoucher, evaluate_editing

    retoucher = Retoucher(load(model), method, strength)
    with _examination("test", n, "edits") as bench:
        report = evaluate_editing(retoucher, n=n, seed=seed, examination=bench)
    _show(report, json=json)


def reconstruction(
    *,
    model: ModelName = None,
    images: Annotated[Path, typer.Option(metavar="DIR", help="A folder of pictures.")],
    method: Annotated[
        str, typer.Option(metavar="ddim|null-text", help="Invert each picture so; else it is encoded and decoded.")
    ] = "",
    modality: Annotated[
        list[str] | None, typer.Option(metavar="M", help="Guides inversions; a column of the folder's metadata.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Length of the walk of an inversion.")] = 50,
    guidance_scale: Annotated[float | None, typer.Option(help="Of an inversion; see `misen invert`.")] = None,
    json: Json = False,
) -> None:
    """PSNR, SSIM, LPIPS and identity of pictures that the model repeats, or rebuilds from what it inverts them to."""
    from misen.app.evaluate import evaluate_inversion, evaluate_reconstruction

    if not method:
        _show(evaluate_reconstruction(_examinee(model, 1), images), json=json)
        return
    from misen.app import load
    from misen.cli.meter import metered

    with metered() as meter:
        report = evaluate_inversion(
            load(model),
            images,
            method=method,
            modalities=modality or (),
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            watch=lambda done, n: meter(done / n, f"{done} of {n} pictures"),
        )
    _show(report, json=json)


def folders(
    real: Annotated[Path, typer.Argument(metavar="REAL")],
    fake: Annotated[Path, typer.Argument(metavar="FAKE")],
    *,
    json: Json = False,
) -> None:
    """Metrics of any two folders of pictures."""
    from misen.app.evaluate import evaluate_folders

    _show(evaluate_folders(real, fake), json=json)


def _examinee(model: str | None, batch: int, *, half: bool = False) -> Trained:
    from misen.app import load
    from misen.app.evaluate import Trained

    return Trained(load(model), batch, half)


@contextmanager
def _examination(split: str, n: int, what: str = "wishes") -> Iterator[Examination]:
    """What to measure with, and a meter of the wishes or edits done."""
    from misen.app.evaluate import standard
    from misen.cli.meter import metered
    from misen.core.registry import lookup
    from misen.scene.splits import SPLITS

    named = {known.name: known for known in SPLITS}
    with metered() as meter:
        yield standard(named[lookup("split", split, named)], _shown_on(meter, n, what))


def _shown_on(meter: Callable[[float, str], None], n: int, what: str) -> Callable[[int], None]:
    return lambda done: meter(min(done / n, 1.0), f"{done} of {n} {what}")


def _show(report: Report, *, json: bool) -> None:
    from misen.cli.printing import print_fields, print_json

    (print_json if json else print_fields)(report.to_json())
