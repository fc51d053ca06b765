"""StyleCLIP's mapper: learns what to add to latents, until words are true of the pictures they make.

``misen edit face.png --method styleclip-mapper:adapter=runs/mapper/adapter`` makes the change in any picture.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 5; deviation: it learns from latents that the generator draws,
not from those of given pictures, so no data are needed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from misen.assembly import Opened, open_model
from misen.core.errors import InputError
from misen.core.generator import Annealing, Generator, Movable
from misen.core.seeding import Streams, derive
from misen.core.shapes import Scalar
from misen.editing.styleclip import Goal, movable, shower
from misen.nn import weights
from misen.nn.latent_mapper import LatentMapper
from misen.recipes.shipping import card_of
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig

ADAPTER = "adapter"
"""Folder, inside that of a run, of what was learned."""


@dataclass(frozen=True)
class Settings:
    """What is learned.

    Attributes:
        base: name or folder of the model that the mapper is for.
        words: what is to be true of the pictures.
        near: weight of the squared length of what is added, mean over layers and numbers.
        identity: weight of the identity that observer A sees.
    """

    base: str = "avatars/gan"
    words: str = "a smiling person"
    near: float = 0.8
    identity: float = 0.1


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Learn the change; ``folder / "adapter"`` gets the mapper with its card."""
    settings = config.section("model", Settings)
    opened = open_model(settings.base)
    width = _width(opened)
    torch.manual_seed(config.seed)
    player = MappingPlayer(opened.generator, LatentMapper(width), settings)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    batches = SeedBatches(config.batch_size, config.seed, opened.sha256)
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    origin = {"base": {"name": opened.name, "sha256": opened.sha256}}
    facts = {"kind": "styleclip-mapper", "words": settings.words, "width": width, **origin}
    with trainer.averaged():
        weights.save(player.module, folder / ADAPTER, card_of(player.module, config.name, config, outcome, facts))
    return outcome


def _width(opened: Opened) -> int:
    """Numbers of a latent; raises ``InputError`` for a model that makes pictures of something else."""
    state = opened.generator.start(1, Streams([0]))
    walks = any(isinstance(make(1), Annealing) for make in opened.samplers.values())
    if not (walks and isinstance(state, Movable) and state.value.ndim == 3):
        raise InputError(f"{opened.name} has no latents of layers", field="model.base", hint="take a style-based model")
    return int(state.value.shape[2])


class MappingPlayer:
    """Batches hold "seeds" (B,), of which the generator draws latents."""

    name = "mapper"

    def __init__(self, generator: Generator, mapper: LatentMapper, settings: Settings) -> None:
        self.generator, self.settings = generator, settings
        self.module: nn.Module = mapper

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """How far the pictures of moved latents are from the goal, and how far the latents were moved."""
        seeds = batch["seeds"].tolist()
        with torch.no_grad():
            state = movable(self.generator.start(len(seeds), Streams(seeds)))
        show, added = shower(self.generator, state), self.module(state.value)
        with torch.no_grad():
            goal = Goal.of(self.settings.words, show(state.value), self.settings.identity)
        wish, way = goal(show(state.value + added)).mean(), added.square().mean()
        return wish + self.settings.near * way, {"wish": wish.item(), "way": way.item()}


class SeedBatches:
    """Seeds, drawn anew at each step."""

    def __init__(self, size: int, seed: int, fingerprint: str) -> None:
        self.size, self.seed, self.fingerprint = size, seed, fingerprint

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "seeds"."""
        return {"seeds": torch.tensor([derive(self.seed, f"mapper/{step}/{row}") for row in range(self.size)])}
