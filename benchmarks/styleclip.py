"""StyleCLIP's three ways beside each other: an edit of a picture whose latents are known, from its file to pixels.

What a mapper or directions have learned decides what they do, not how long that takes, so theirs is random here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

import misen
from benchmarks.timing import Effort, Row, median, seconds
from misen.app import Model
from misen.core.errors import InputError
from misen.core.seeding import Streams
from misen.editing.directions import Directions
from misen.editing.styleclip import Styled
from misen.nn import weights
from misen.nn.latent_mapper import LatentMapper
from misen.perception import coach

MODEL = "avatars/gan"
WORDS = "a smiling person"
STEPS = 200
"""Updates of the latents, as usual."""


def mapper(model: Model, folder: Path) -> Path:
    """A folder with a mapper that was never trained."""
    latent: Any = model.opened.generator.start(1, Streams([0]))
    network = LatentMapper(latent.value.shape[2])
    weights.save(network, folder, {"width": network.width, **_base(model)})
    return folder


def directions(model: Model, folder: Path) -> Path:
    """A folder with directions at random."""
    generator: Any = model.opened.generator
    if not isinstance(generator, Styled):
        raise InputError(f"{model.name} has no styles", field="model", hint="take a style-based model")
    [channels] = generator.in_styles().shape
    effects = torch.nn.functional.normalize(torch.randn(channels, coach.joint().text([WORDS]).shape[1]), dim=1)
    Directions(effects, torch.full((channels,), 0.01)).save(folder, _base(model))
    return folder


def _base(model: Model) -> dict[str, Any]:
    return {"name": "random", "licence": "none", "base": {"name": model.name, "sha256": model.opened.sha256}}


def rows(effort: Effort) -> Iterator[Row]:
    """Seconds of each way, and how many times as fast those are that have learned before."""
    model = misen.load(MODEL)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        state = model.invert(model.synthesize(seed=0).images[0].tensor, method="encoder").save(folder / "a.safetensors")
        learned = (
            f"styleclip-mapper:adapter={mapper(model, folder / 'mapper')}",
            f"styleclip-direction:adapter={directions(model, folder / 'directions')},beta=0",
        )
        edit = partial(model.edit, state, seed=0)
        ways = (
            partial(edit, WORDS, method=f"styleclip:steps={effort.of(STEPS)}"),
            partial(edit, method=learned[0]),
            partial(edit, WORDS, method=learned[1]),
        )
        sought, mapped, directed = seconds(effort, *ways)
    yield Row(f"StyleCLIP by optimization, {effort.of(STEPS)} steps", median(sought), "s")
    for name, taken in (("a mapper", mapped), ("global directions", directed)):
        yield Row(f"  by {name}", median(1000 * taken), "ms")
        yield Row(f"  optimization / {name}", median(sought / taken), "x", ">= 100")
