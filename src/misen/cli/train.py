"""``misen train``: run a named training configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Json
from misen.core.errors import Cancelled


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to train, and how.")],
    *,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint, if there is one.")] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a value, such as model.width=64.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out and name the rows of a picture folder that cannot be read.")
    ] = False,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Resume although this key differs from the checkpoint's.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Folder of the run; runs/<name> when left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Train a model and ship it with its card; Ctrl-C saves a checkpoint first."""
    from dataclasses import asdict

    from misen.app.training import train as run
    from misen.cli.printing import print_fields, print_json

    changes = [*(change or []), *(["data.skip_bad=true"] if skip_bad else [])]
    outcome = asdict(run(config, overrides=changes, resume=resume, allow=allow or [], folder=out))
    (print_json if json else print_fields)(outcome)
    if outcome["reason"] == "interrupted":
        raise typer.Exit(Cancelled.exit_code)
