"""The priors of the model that works by way of a joint embedding: from words to where their picture lies."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from misen.core.files import replace_file
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.diffusion.unclip.autoregressive_prior import AutoregressivePrior
from misen.generators.diffusion.unclip.diffusion_prior import DiffusionPrior
from misen.generators.diffusion.unclip.folder import build, describe
from misen.generators.diffusion.unclip.players import PriorPlayer
from misen.generators.diffusion.unclip.prior import PriorSettings
from misen.generators.diffusion.unclip.prompts import Prompts
from misen.perception import coach
from misen.perception.text import tokenizer
from misen.recipes.batches import StoredBatches
from misen.recipes.evaluate_unclip import measure_prior, sitters
from misen.recipes.shipping import go_on, ship
from misen.recipes.train_joint import LANGUAGES, STYLES, caption
from misen.scene.truth import Truth
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

MEASURED = 500
"""Avatars that the card's figures come from."""
CHUNK = 200
"""Avatars looked at, and told of, together."""
Trained = DiffusionPrior | AutoregressivePrior
"""A prior of either form."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        form: kind of prior.
        network: size and shape.
        wordings: captions that are kept of each avatar; the epochs take turns with them.
        go_on: start from the weights that ship.
    """

    form: Literal["diffusion", "autoregressive"] = "diffusion"
    network: PriorSettings = field(default_factory=PriorSettings)
    wordings: int = 3
    go_on: bool = False


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies.

    Attributes:
        cache: folder of a cache.
        kept: folder where places and captions are kept; the run's own if empty.
    """

    cache: str
    kept: str = ""


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train one prior on cached places and captions, measure it and ship it as ``config.name``."""
    batches = captioned(config, folder)
    prior = untrained(config, batches, folder)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    player = PriorPlayer(prior, partial(Prompts.read, coach.joint()))
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        figures = {name: asdict(figure) for name, figure in measure_prior(prior, sitters(MEASURED)).items()}
        facts = {"architecture": describe(prior), "data": {"cache": batches.fingerprint}, "figures": figures}
        ship(prior, config.name, config, outcome, facts)
    return outcome


def untrained(config: TrainingConfig, batches: CaptionBatches, folder: Path) -> Trained:
    """The prior that a run begins with: as the seed draws it, or as it ships, and fitted to places and captions."""
    settings, wholes = config.section("model", Settings), first_wholes(batches.captions)
    torch.manual_seed(config.seed)  # only now, since a network that is opened for the first time draws too
    prior = build({"form": settings.form, **asdict(settings.network)}, folder)
    prior.fit(batches.places, wholes)
    if settings.go_on:
        go_on(prior, config.name)
    return prior


class CaptionBatches(StoredBatches[CachedWorld]):
    """Places of pictures, with one caption of each."""

    def __init__(self, world: CachedWorld, places: Tensor, captions: Tensor, config: TrainingConfig) -> None:
        """``places`` (N, 128) and ``captions`` (N, wordings, L), the ids, are of every picture of ``world``."""
        super().__init__(world, config)
        self.places, self.captions = places, captions

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "places" and "captions"."""
        indices, epoch = self.order(step)
        captions = self.captions[indices, epoch % self.captions.shape[1]]
        return {"places": self.places[indices].float(), "captions": captions.long()}


# --- what is kept ----------------------------------------------------------------------------------------------------


def captioned(config: TrainingConfig, folder: Path) -> CaptionBatches:
    """Batches of the world that a configuration names, with what is kept of it in ``folder`` or where that says."""
    wordings, data = config.section("model", Settings).wordings, config.section("data", Data)
    world, kept = CachedWorld(data.cache), Path(data.kept) if data.kept else folder
    captions = cached(kept / f"captions-{wordings}-{mark(world)}.npy", lambda: caption_ids(world, wordings))
    return CaptionBatches(world, cached_places(world, kept), captions, config)


def cached(path: Path, make: Callable[[], Tensor]) -> Tensor:
    """What ``make`` makes, computed once and kept at ``path``."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()
        np.save(content, make().numpy())
        replace_file(path, content.getvalue())
    return torch.from_numpy(np.load(path))


def mark(world: CachedWorld) -> str:
    """What tells files that were made of one world by one joint embedding from others."""
    return f"{coach.hashes()['joint-a'][:8]}-{world.fingerprint[:8]}"


def cached_places(world: CachedWorld, folder: Path) -> Tensor:
    """(N, 128) float32: where joint embedding A sees every picture of ``world``, kept in ``folder``."""
    return cached(folder / f"places-{mark(world)}.npy", lambda: seen(world))


@torch.no_grad()
def seen(world: CachedWorld) -> Tensor:
    """(N, 128) places of every picture of ``world``."""
    joint = coach.joint()
    pictures = (world.truth(slice(start, start + CHUNK)).observation.image for start in range(0, len(world), CHUNK))
    return torch.cat([joint.image(some) for some in pictures])


def caption_ids(world: CachedWorld, wordings: int) -> Tensor:
    """(N, wordings, L) int16: ids of captions of every avatar of ``world``, padded with ends of text."""
    return torch.cat(
        [_ids(world.truth(slice(start, start + CHUNK)), wordings) for start in range(0, len(world), CHUNK)]
    )


def _ids(truth: Truth, wordings: int) -> Tensor:
    sentences = [sentence for item in range(len(truth)) for sentence in _sentences(truth, item, wordings)]
    padded = tokenizer()(sentences, padding="max_length", truncation=True, return_tensors="pt").input_ids
    ids: Tensor = padded.to(torch.int16).unflatten(0, (-1, wordings))
    return ids


def _sentences(truth: Truth, item: int, wordings: int) -> Sequence[str]:
    """Captions of one avatar, each in a language and style of its own."""
    draws = [Random(int(truth.record.seed[item]) + wording * EPOCH) for wording in range(wordings)]
    return [
        caption(truth, item, draw.getrandbits(62), draw.choice(LANGUAGES), draw.choice(STYLES)).text for draw in draws
    ]


@torch.no_grad()
def first_wholes(captions: Tensor) -> Tensor:
    """(N, 128): where joint embedding A sees the first caption of each of the first ``CHUNK`` * 10 avatars."""
    parts = captions[: 10 * CHUNK, 0].long().split(CHUNK)
    return torch.cat([Prompts.read(coach.joint(), part).wholes for part in parts])
