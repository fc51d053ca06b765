"""``misen demo``: a gallery of what works, made on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Json, ModelName


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the gallery.")] = Path("out/demo"),
    model: ModelName = None,
    size: Annotated[
        int | None, typer.Option(metavar="N", help="Size in pixels; the largest that the model makes when left out.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show what takes longer, too: guidance by energies, methods that learn.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a gallery of pictures from every kind of guidance, with plans and scores, in about a minute."""
    from misen.app.demo import make_gallery
    from misen.cli.meter import metered
    from misen.cli.printing import print_json, print_table

    with metered() as meter:
        gallery = make_gallery(out, model=model, size=size, full=full, watch=meter)
    if json:
        print_json(gallery.to_json())
        return
    print_table(("section", "pictures", "score by the judge", "seconds each"), gallery.rows())
    print(gallery.page)
