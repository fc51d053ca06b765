"""``misen invert``: from a picture back to the state that it would be made from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import AdapterPaths, Json, ModelName, Overwrite
from misen.cli.wishes import Wishes
from misen.editing.methods import AUTO


def invert(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="The picture to invert.")],
    *,
    method: Annotated[
        str,
        typer.Option(
            metavar="auto|ddim|null-text|encoder|hybrid|optimize",
            help="The first two walk back to noise, the others find latents; auto goes by the model.",
        ),
    ] = AUTO,
    model: ModelName = None,
    adapter: AdapterPaths = None,
    steps: Annotated[
        int | None, typer.Option(help="Length of the walk, 50 if left out; or updates of latents, 100 or 500.")
    ] = None,
    space: Annotated[str, typer.Option(metavar="w|w+", help="One latent for all layers, or one for each.")] = "w+",
    tune: Annotated[int, typer.Option(metavar="N", help="Updates of the network, to make the picture exactly.")] = 0,
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
    if method != AUTO:
        check_method(method)  # before a model is opened
    with metered() as meter:
        inverted = app.load(model, adapters=added).invert(
            image,
            *guidances,
            method=method,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            space=space,
            tune=tune,
            callback=lambda share: meter(share, "inverting"),
        )
    inverted.save(path, overwrite=overwrite)
    (print_json if json else print_fields)({"state": str(path), **inverted.report()})
