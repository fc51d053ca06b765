"""From a checked request to files: the plan or the pictures, progress and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from misen.app import Forecast, Model, Picture, Result, destinations, forecast
from misen.app.progress import Callback, Progress
from misen.app.request import Request
from misen.cli.meter import Meter, metered
from misen.cli.options import Output
from misen.cli.printing import print_fields, print_json
from misen.editing.report import EditReport
from misen.synthesis import Plan


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
    outlook = Outlook.on(model, request)
    if json:
        print_json(outlook.to_json())
    else:
        print(outlook.explain())


@dataclass(frozen=True)
class Outlook:
    """What would be done, and what it would take.

    Attributes:
        model: its name.
        plan: by which route each guidance would act.
        cost: of one picture.
    """

    model: str
    plan: Plan
    cost: Forecast

    @classmethod
    def on(cls, model: Model, request: Request) -> Self:
        """On a request."""
        return cls(model.name, model.decide(request), forecast(model, request))

    def to_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"model": self.model, **self.plan.to_json(), "forecast": self.cost.to_json()}

    def explain(self) -> str:
        """The same for a person."""
        return f"{self.plan.explain()}\n{self.cost.explain()}"


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
