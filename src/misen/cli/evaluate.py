"""``misen evaluate``: quality, adherence, editing at one setting or along a curve, drags, reconstruction, folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from misen.cli.options import Group, Json, ModelName
from misen.core.errors import InputError

if TYPE_CHECKING:
    from misen.app.evaluate import Examination, Trained
    from misen.metrics.report import CurveReport, Report
    from misen.metrics.rows import Work
    from misen.perception.figures import Figure

Count = Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many wishes.")]
Seed = Annotated[int, typer.Option(help="Chooses the wishes from the test range.")]
Batch = Annotated[int, typer.Option("--batch-size", help="Pictures per forward.")]
Half = Annotated[bool, typer.Option("--half", help="Make the pictures in bfloat16: faster on some CPUs, less exact.")]
Route = Annotated[str, typer.Option(metavar="auto|native|adapted|consistency", help="How the wishes act.")]
MethodName = Annotated[str, typer.Option("--method", metavar="METHOD", help="How pictures are changed, as in `edit`.")]
SplitName = Annotated[str, typer.Option("--split", help="Where the wishes come from; composition: never trained on.")]


@dataclass(frozen=True)
class Edits(Group):
    """Which edits are measured, and how they are made."""

    strength: Annotated[float | None, typer.Option(help="Of each edit; as usual for the method if left out.")] = None
    steps: Annotated[int | None, typer.Option(help="Length of the walk; as usual if left out.")] = None
    model: ModelName = None
    n: Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many pictures are changed.")] = 100
    seed: Seed = 0
    half: Annotated[
        bool, typer.Option("--half", help="Edit and learn in bfloat16: faster on some CPUs, less exact.")
    ] = False


@dataclass(frozen=True)
class Changes(Edits):
    """Edits that change one trait, as words ask."""

    change: Annotated[
        str, typer.Option(metavar="TRAIT=VALUE", help="The change, the same for all; drawn if left out.")
    ] = ""
    guidance_scale: Annotated[float | None, typer.Option(help="What strength 1 of the words stands for.")] = None

    def settings(self) -> dict[str, Any]:
        """What was given of the walk, as arguments of ``Model.edit``."""
        return _settings(self.guidance_scale, self.steps)


@dataclass(frozen=True)
class Sharing(Group):
    """How the items of a long measurement are shared and kept."""

    workers: Annotated[
        int, typer.Option(min=0, metavar="N", help="Processes of one thread each that share the work.")
    ] = 0
    journal: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Keep what was measured of each item here, and go on from it."),
    ] = None

    def work(self) -> Work:
        """The same for the library."""
        from misen.metrics.rows import Work

        return Work(self.workers, self.journal)


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
    modality: Annotated[
        str,
        typer.Option(metavar="M[:SUFFIXES]", help="What the wishes are, and how they act, as suffixes of guidance."),
    ],
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
    name, how = _manner(modality, route)
    if beside and how:
        raise InputError("--beside cannot be combined with --route", field="beside", hint="leave one of them out")
    from misen.app.evaluate import evaluate_adherence, evaluate_together

    examinee = _examinee(model, batch, half=half)
    with _examination(split, n) as bench:
        report: Report = (
            evaluate_together(examinee, name, beside, n=n, seed=seed, examination=bench)
            if beside
            else evaluate_adherence(examinee, name, n=n, seed=seed, examination=bench, **how)
        )
    _show(report, json=json)


def editing(
    *,
    method: MethodName = "auto",
    own: Annotated[
        bool, typer.Option("--own", help="Change pictures that the model made of words, instead of renders.")
    ] = False,
    edits: Changes,
    sharing: Sharing,
    json: Json = False,
) -> None:
    """Whether one trait of a picture changes as asked in words, and nothing else does."""
    from misen.app import load
    from misen.app.evaluate import Retoucher, Reviser, evaluate_editing

    kind = Reviser if own else Retoucher
    editor = kind(load(edits.model), method, edits.strength, edits.settings(), half=edits.half)
    with _examination("test", edits.n, "edits") as bench:
        report = evaluate_editing(
            editor, n=edits.n, seed=edits.seed, change=edits.change, examination=bench, work=sharing.work()
        )
    _show(report, json=json)


def curve(
    *,
    method: MethodName,
    dial: Annotated[
        str, typer.Option(metavar="OPTION=VALUE,...", help="What is turned; as usual for the method if left out.")
    ] = "",
    edits: Changes,
    sharing: Sharing,
    json: Json = False,
) -> None:
    """What becomes of pictures as a dial of a method is turned: realism, likeness, structure, and what was asked."""
    from misen.app import load
    from misen.app.evaluate import Dial, evaluate_curve, turnable, usual_dial

    turned = Dial.parse(dial) if dial else usual_dial(method)
    model, settings = load(edits.model), edits.settings()
    editor = turnable(model, method, strength=edits.strength, settings=settings, half=edits.half)
    with _examination("test", edits.n, "pictures") as bench:
        report = evaluate_curve(
            editor, turned, n=edits.n, seed=edits.seed, change=edits.change, examination=bench, work=sharing.work()
        )
    if json:
        _show(report, json=json)
    else:
        _draw(report)


def drag(
    *,
    method: MethodName = "drag",
    edits: Edits,
    sharing: Sharing,
    json: Json = False,
) -> None:
    """Whether points of a picture that are dragged get where they should be, and nothing else changes."""
    from misen.app import load
    from misen.app.evaluate import Dragger, evaluate_drags

    dragger = Dragger(load(edits.model), method, edits.strength, _settings(None, edits.steps), edits.half)
    with _examination("test", edits.n, "edits") as bench:
        report = evaluate_drags(dragger, n=edits.n, seed=edits.seed, examination=bench, work=sharing.work())
    _show(report, json=json)


def subjects(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Of textual inversion or DreamBooth.")],
    *,
    subjects: Annotated[int, typer.Option(metavar="N", help="How many are tuned on, one after another.")] = 20,
    pictures: Annotated[int, typer.Option(metavar="N", help="Made of each.")] = 25,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value, such as model.prior=0.")
    ] = None,
    sharing: Sharing,
    json: Json = False,
) -> None:
    """Whether a model knows a subject that it was tuned on, and forgets nothing."""
    from misen.app.evaluate import evaluate_subjects
    from misen.cli.meter import metered
    from misen.training import load_config

    with metered() as meter:
        report = evaluate_subjects(
            load_config(config, change or []),
            subjects=subjects,
            pictures=pictures,
            work=sharing.work(),
            watch=_shown_on(meter, subjects, "subjects"),
        )
    _show(report, json=json)


def reconstruction(
    *,
    model: ModelName = None,
    images: Annotated[Path, typer.Option(metavar="DIR", help="A folder of pictures.")],
    method: Annotated[
        str, typer.Option(metavar="METHOD", help="Invert each picture so, as `misen invert` does; else it is repeated.")
    ] = "",
    modality: Annotated[
        list[str] | None, typer.Option(metavar="M", help="Guides inversions; a column of the folder's metadata.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of an inversion; see `misen invert`.")] = None,
    guidance_scale: Annotated[float | None, typer.Option(help="Of an inversion; see `misen invert`.")] = None,
    space: Annotated[str, typer.Option(metavar="w|w+", help="Of an inversion; see `misen invert`.")] = "w+",
    tune: Annotated[int, typer.Option(metavar="N", help="Of an inversion; see `misen invert`.")] = 0,
    sharing: Sharing,
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
            watch=lambda done, n: meter(done / n, f"{done} of {n} pictures"),
            work=sharing.work(),
            space=space,
            tune=tune,
            **_settings(guidance_scale, steps),
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


def _manner(modality: str, route: str) -> tuple[str, dict[str, Any]]:
    """The modality of ``M[:SUFFIXES]``, and how its wishes act unless it is as usual; raises ``InputError``."""
    from misen.cli.wishes import manner, split

    name, suffix = split(modality)
    asked = suffix if route == "auto" else {"route": route, **suffix}
    return name, manner(asked, name) if asked else {}


def _settings(guidance_scale: float | None, steps: int | None) -> dict[str, Any]:
    """What of these was given, as arguments of ``Model.edit``."""
    given = {"guidance_scale": guidance_scale, "num_inference_steps": steps}
    return {name: value for name, value in given.items() if value is not None}


def _draw(report: CurveReport) -> None:
    """A curve as a table: a row for each measure, a column for each point and for what is said of all of them."""
    from misen.cli.printing import print_fields, print_table

    columns = {f"{report.dial} {point.value:g}": point.figures for point in report.points} | {"trend": report.trends}
    if control := report.control:
        told = ", ".join(f"{name} {value:g}" for name, value in control.options.items())
        columns |= {f"control: {told}": control.figures, f"{control.against:g} over control": control.gains}
    rows = [(measure, *(_told(figures[measure]) for figures in columns.values())) for measure in report.trends]
    print_table(("mean [95 % interval]", *columns), rows)
    document = report.to_json()
    shown = ("model", "method", "pictures", "change", "n", "seed", "judge", "seconds_per_image")
    print_fields({name: document[name] for name in shown})


def _told(figure: Figure) -> str:
    return f"{figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"


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
