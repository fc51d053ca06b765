"""``misen edit``: change a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Output, Sampling
from misen.cli.wishes import Wishes
from misen.core.errors import InputError, closest

METHODS = ("auto", "sdedit", "inpaint")
"""``sdedit`` begins from the picture with noise on it; ``inpaint`` also holds what the mask leaves black."""


def edit(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture to change.")],
    *,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What may change: white, of the picture's size.")
    ] = None,
    strength: Annotated[float | None, typer.Option(help="0 keeps the picture, 1 ignores it.")] = None,
    method: Annotated[
        str, typer.Option(metavar="|".join(METHODS), help="How; auto goes by whether there is a mask.")
    ] = "auto",
    report: Annotated[bool, typer.Option("--report", help="Print what changed, and how.")] = False,
    wishes: Wishes,
    sampling: Sampling,
    output: Output,
) -> None:
    """Change a picture: towards guidance, everywhere or under a mask."""
    check_method(method, masked=mask is not None)
    from misen import app
    from misen.cli import production

    guidances = wishes.guidances()
    model = app.load(sampling.model)
    settings = {"image": image, "mask": mask, "strength": strength, **sampling.settings()}
    production.fulfil(model, model.request(*guidances, **settings), output, report=report)


def check_method(method: str, *, masked: bool) -> None:
    """Refuse a method there is not, and one that contradicts the mask or its absence."""
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}", field="method", hint=closest(method, METHODS))
    if method != "auto" and masked != (method == "inpaint"):
        wrong = "cannot be combined with --mask" if masked else "needs --mask"
        raise InputError(f"--method {method} {wrong}", field="method", hint="or leave --method out")
