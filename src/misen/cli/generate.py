"""``misen generate`` and ``misen explain``: pictures from guidance, or what would be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from misen.cli.options import Json, Output, Sampling, refuse_together
from misen.cli.wishes import Wishes

if TYPE_CHECKING:
    from misen.app import Model
    from misen.app.request import Request

RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="A recipe in JSON, or a picture made by one; replaces all guidance."),
]


def generate(*, recipe: RecipeFile = None, wishes: Wishes, sampling: Sampling, output: Output) -> None:
    """Make pictures from any guidance, or none."""
    from misen.cli import production

    production.fulfil(*_ordered(recipe, wishes, sampling, outlined=output.explain), output)


def explain(*, recipe: RecipeFile = None, wishes: Wishes, sampling: Sampling, json: Json = False) -> None:
    """Print the plan: how each guidance would act and why, and what it would take."""
    from misen.cli import production

    production.explain(*_ordered(recipe, wishes, sampling, outlined=True), json=json)


def _ordered(recipe: Path | None, wishes: Wishes, sampling: Sampling, *, outlined: bool) -> tuple[Model, Request]:
    """The model, or its outline, and the request that the options, or a recipe and its model instead, describe."""
    from misen import app
    from misen.cli.adapters import raw

    if recipe is not None:
        refuse_together("--recipe", {**wishes.given(), **sampling.given()}, "a recipe says everything; edit it instead")
        return app.prepare(app.Recipe.read(recipe))
    adapters = sampling.adapters()
    guidances = wishes.guidances(raw(adapters))
    weights = bool(sampling.accelerate or adapters)  # which are probed, or told by their content
    outlined = outlined and not weights
    model = app.outline(sampling.model) if outlined else app.load(sampling.model, adapters=adapters)
    return model, model.request(*guidances, **sampling.settings())
