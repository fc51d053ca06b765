"""Measures which way each channel of a style-based generator moves its pictures in joint embedding A.

``python -m misen.recipes.build_directions runs/directions --model avatars/gan`` takes the derivatives of a thousand
pictures, 128 backward passes each; ``misen edit --method styleclip-direction:adapter=runs/directions`` uses them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor
from torch.nn import functional

from misen.assembly import Opened, open_model
from misen.core.errors import InputError
from misen.core.generator import Generator
from misen.core.seeding import Streams
from misen.core.shapes import Points
from misen.editing.directions import Directions
from misen.editing.styleclip import Styled, movable, shower
from misen.perception import coach

SAMPLES, CHUNK = 1000, 20
"""Pictures of the generator's own, and how many are looked at together."""


def build_directions(opened: Opened, samples: int = SAMPLES) -> Directions:
    """Measure on the pictures of the first ``samples`` seeds; raises ``InputError`` for a model without styles."""
    if not isinstance(opened.generator, Styled):
        raise InputError(f"{opened.name} has no styles", field="model", hint="take a style-based model")
    generator, sums, styles = opened.generator.in_styles(), [], []
    chunks = torch.arange(samples).split(CHUNK)
    for seeds in track(chunks, f"{samples:,} pictures"):
        state = movable(generator.start(len(seeds), Streams(seeds.tolist())))
        styles.append(state.value.detach())
        sums.append(effects(generator, state.at(styles[-1])).sum(0))
    return Directions(torch.stack(sums).sum(0) / samples, torch.cat(styles).std(0))


def effects(generator: Generator, state: object) -> Tensor:
    """(B, S, D) unit direction in which each channel of each picture moves it in the joint embedding."""
    place, show = movable(state).value.clone().requires_grad_(), shower(generator, state)
    with torch.enable_grad():
        embedding = coach.joint().image(show(place))
    return functional.normalize(torch.stack(list(_derivatives(embedding, place)), dim=2), dim=2)


def _derivatives(embedding: Tensor, place: Points) -> Iterator[Tensor]:
    """(B, S) of each coordinate of (B, D) embeddings."""
    for coordinate in embedding.unbind(1):
        [derivative] = torch.autograd.grad(coordinate.sum(), place, retain_graph=True)
        yield derivative


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, measure and write."""
    parser = argparse.ArgumentParser(prog="python -m misen.recipes.build_directions", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the directions go")
    parser.add_argument("--model", default="avatars/gan", help="name or folder of a style-based model")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="pictures")
    given = parser.parse_args(arguments)
    opened = open_model(given.model)
    base = {"name": opened.name, "sha256": opened.sha256}
    card = {"name": given.folder.name, "licence": "Apache-2.0", "samples": given.samples, "base": base}
    build_directions(opened, given.samples).save(given.folder, card)


if __name__ == "__main__":
    main()
