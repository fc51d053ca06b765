"""``misen replay``: make a picture or a film again from the recipe inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Json


def replay(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture or a film made by misen.")],
    *,
    json: Json = False,
) -> None:
    """Make a picture or a film again and say: identical, within tolerance, or differs with the field that differs."""
    from dataclasses import asdict

    from misen import app
    from misen.cli.printing import print_json

    verdict = app.replay(image)
    if json:
        print_json({"image": str(image), **asdict(verdict)})
    elif verdict.status == "identical":
        print("identical")
    else:
        print(f"{verdict.status}: {verdict.field}, by up to {verdict.difference} levels of 255")
