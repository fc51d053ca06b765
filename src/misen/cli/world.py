"""``misen world``: look at the avatar world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Json, Overwrite


def render(
    *,
    num_images: Annotated[int, typer.Option("-n", metavar="N", help="How many avatars.")] = 16,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A folder, made if its parent exists.")],
    seed: Annotated[int, typer.Option(help="Of the first avatar; the k-th uses seed + k.")] = 0,
    size: Annotated[int, typer.Option(help="Pixels: 64, 128 or 256.")] = 64,
    all_modalities: Annotated[
        bool, typer.Option("--all-modalities", help="Write every modality's signal too.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Render avatars into a folder of pictures with their metadata."""
    from misen.app import render_world
    from misen.cli.meter import metered
    from misen.cli.printing import print_json

    with metered() as meter:
        listing = render_world(
            num_images, out, seed=seed, size=size, all_modalities=all_modalities, overwrite=overwrite,
            callback=lambda done: meter(done / num_images, f"{done} of {num_images} avatars"),
        )  # fmt: skip
    if json:
        print_json({"metadata": str(listing), "count": num_images, "seed": seed, "size": size})
    else:
        print(listing)
