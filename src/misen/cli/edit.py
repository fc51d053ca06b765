"""``misen edit``: change a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Output, Sampling
from misen.cli.wishes import Wishes
from misen.editing.methods import AUTO, METHODS


def edit(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture to change, or a state from misen invert.")],
    *,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What may change: white, of the picture's size.")
    ] = None,
    strength: Annotated[float | None, typer.Option(help="0 keeps the picture, 1 ignores it.")] = None,
    method: Annotated[
        str,
        typer.Option(
            metavar=f"{'|'.join((AUTO, *METHODS))}[:OPTION=VALUE,...]",
            help="How; auto goes by whether there is a mask.",
        ),
    ] = AUTO,
    report: Annotated[bool, typer.Option("--report", help="Print what changed, and how.")] = False,
    wishes: Wishes,
    sampling: Sampling,
    output: Output,
) -> None:
    """Change a picture: towards guidance, everywhere or under a mask."""
    from misen import app
    from misen.app.request import provided
    from misen.cli import production
    from misen.cli.adapters import raw
    from misen.editing.methods.choice import choose

    adapters = sampling.adapters()
    guidances = wishes.guidances(raw(adapters))
    choose(method, provided(guidances, picture=True, mask=mask is not None))  # before a model is opened
    settings = {"image": image, "mask": mask, "method": method, "strength": strength, **sampling.settings()}
    model = app.load(sampling.model, adapters=adapters)
    production.fulfil(model, model.request(*guidances, **settings), output, report=report)
