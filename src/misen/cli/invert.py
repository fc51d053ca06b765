"""``misen invert``: from a picture back to the state that it would be made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import AdapterPaths, Json, ModelName, Overwrite
from misen.cli.wishes import Wishes


def invert(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture to invert.")],
    *,
    method: Annotated[
        str, typer.Option(metavar="ddim|null-text", help="Null-text is slow, and lets large guidance scales rebuild.")
    ] = "ddim",
    model: ModelName = None,
    adapter: AdapterPaths = None,
    steps: Annotated[int, typer.Option(help="Length of the walk, 1 to 1000.")] = 50,
    guidance_scale: Annotated[
        float | None, typer.Option(help="What strength 1 stands for; 1 for ddim, else the model's.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="STATE.safetensors", help="Where the state goes.")],
    overwrite: Overwrite = False,
    json: Json = False,
    wishes: Wishes,
) -> None:
    """Invert a picture: find the state from which the model makes it again, for `misen edit` to go on from."""
    from misen import app
    from misen.app.inversion import check_method, destination
    from misen.cli.adapters import adapters, raw
    from misen.cli.meter import metered
    from misen.cli.printing import print_fields, print_json

    path, added = destination(out, overwrite=overwrite), adapters(adapter)
    guidances = wishes.guidances(raw(added))
    check_method(method)  # before a model is opened
    with metered() as meter:
        inverted = app.load(model, adapters=added).invert(
            image,
            *guidances,
            method=method,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            callback=lambda share: meter(share, "inverting"),
        )
    inverted.save(path, overwrite=overwrite)
    (print_json if json else print_fields)({"state": str(path), **inverted.report()})
