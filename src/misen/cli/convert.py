"""``misen convert``: a checkpoint that is one file, as a folder that can be opened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from misen.cli.options import Json, Overwrite


def convert(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An original checkpoint of Stable Diffusion in safetensors.")
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder to be made.")],
    config: Annotated[
        str | None,
        typer.Option(metavar="FOLDER|ID", help="A diffusers folder for what the file lacks: vocabulary and settings."),
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Turn a single-file checkpoint into a folder of diffusers' that `--model` opens."""
    from misen import app
    from misen.cli.printing import print_json

    made = app.convert(file, out, config=config, overwrite=overwrite)
    if json:
        print_json({"folder": str(made.folder), "tensors": dict(made.tensors), "sha256": made.sha256})
        return
    for name, count in made.tensors.items():
        print(f"{name}: {count} tensors")
    print(made.folder)
