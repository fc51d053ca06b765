"""From a checked request to files: the plan or the pictures, progress and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from misen.app import Model, Picture, Result, destinations, forecast
from misen.app.progress import Callback, Progress
from misen.app.request import Request
from misen.cli.meter import Meter, metered
from misen.cli.options import Output
from misen.cli.printing import print_fields, print_json
from misen.editing.report import EditReport


def fulfil(model: Model, request: Request, output: Output, *, report: bool = False) -> None:
    """Print the plan of a request, or make its pictures and print where they are; ``report`` tells what an edit did."""
    if output.explain:
        explain(model, request, json=output.json)
        return
    first = output.target(request.seeds[0])
    paths = destinations(first, len(request.seeds), overwrite=output.overwrite)
    result = _make(model, request, paths, overwrite=output.overwrite)
    edits = result.edit_reports(model) if report else ()
    if output.json:
        told = {"edits": [edit.to_json() for edit in edits]} if report else {}
        print_json({"images": [str(path) for path in paths], "model": model.name, **result.report(), **told})
        return
    for path, picture in zip(paths, result.images, strict=True):
        print(f"{path}  seed {picture.seed}")
    if report:
        _tell(result, edits)


def _tell(result: Result, edits: Sequence[EditReport]) -> None:
    """How an edit was made, and what it did to each picture."""
    print(result.plan.explain())
    print_fields({"seconds": result.seconds, **{f"change where {part}": x for part, x in result.change.items()}})
    for picture, edit in zip(result.images, edits, strict=True):
        print(f"\nseed {picture.seed}")
        print("\n".join(edit.lines()))


def explain(model: Model, request: Request, *, json: bool) -> None:
    """Print what would be done, and what it would take."""
    plan, cost = model.decide(request), forecast(model, request)
    if json:
        print_json({"model": model.name, **plan.to_json(), "forecast": cost.to_json()})
    else:
        print(plan.explain())
        print(cost.explain())


def _make(model: Model, request: Request, paths: Sequence[Path], *, overwrite: bool) -> Result:
    """The pictures, each saved as soon as it is finished."""

    def save(index: int, picture: Picture) -> None:
        picture.save(paths[index], overwrite=overwrite)

    with metered() as meter:
        return model.fulfil(request, callback=_shown_on(meter), deliver=save)


def _shown_on(meter: Meter) -> Callback:
    def show(progress: Progress) -> None:
        meter(progress.fraction, f"picture {progress.walk + 1} of {progress.walks}")

    return show
