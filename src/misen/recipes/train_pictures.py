"""Latent diffusion on one's own pictures: an image folder or shards, guided by the columns of their metadata."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import encoders
from misen.core.condition import Condition
from misen.core.errors import ConfigError
from misen.core.image import from_bytes
from misen.data.pictures import PictureData
from misen.data.samples import Samples
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.players import draw_presence
from misen.recipes.batches import LatentBatches
from misen.recipes.shipping import card_of
from misen.recipes.train_diffusion import Entrance, Settings, build, scatter
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the denoiser on the pictures' latents; the model is saved in ``folder / "model"``."""
    settings, data = config.section("model", Settings), config.section("data", PictureData)
    check_ports(settings.ports, data.columns)
    generator = build(settings, config.seed)
    samples = data.read(generator.size, folder)
    batches = PictureBatches(samples, encode(generator, samples.pixels), settings.ports, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer(generator.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"family": "diffusion", "data": {"pictures": samples.fingerprint}, **asdict(settings.defaults)}
        generator.card.update(card_of(generator.denoiser, config.name, config, outcome, facts))
        files.save(generator, folder / "model")
    return outcome


def check_ports(ports: Mapping[str, Entrance], columns: Mapping[str, str]) -> None:
    """Every port needs a column to learn from; raises ``ConfigError`` naming those that have none."""
    if missing := sorted(set(ports) - set(columns)):
        raise ConfigError(
            f"no column for {', '.join(missing)}",
            field="data.columns",
            hint=f"name one for each, as in columns = {{ {missing[0]} = ... }}, or leave out the port",
        )


@torch.no_grad()
def encode(generator: DiffusionGenerator, pixels: Tensor) -> Tensor:
    """(N, C, h, w) latents of (N, S, S, 3) bytes."""
    with torch.autocast("cpu", torch.bfloat16):
        return torch.cat([generator.encode(from_bytes(some)).float() for some in pixels.split(64)])


class PictureBatches(LatentBatches[Samples]):
    """Latents with the conditions that a random subset of a sample's signals makes."""

    def __init__(
        self, samples: Samples, latents: Tensor, ports: Mapping[str, Entrance], config: TrainingConfig
    ) -> None:
        super().__init__(samples, latents, config)
        self.ports = ports

    def beside(self, indices: Tensor, epoch: int, chance: torch.Generator) -> Mapping[str, Any]:
        """The "conditions"; they are the same in every epoch."""
        presence = draw_presence([port.share for port in self.ports.values()], len(indices), chance)
        present = dict(zip(self.ports, presence.unbind(1), strict=True))
        conditions = {name: self._condition(name, indices, rows) for name, rows in present.items() if rows.any()}
        return {"conditions": conditions}

    @torch.no_grad()
    def _condition(self, name: str, indices: Tensor, rows: Tensor) -> Condition:
        """The condition of one modality where ``rows`` (B,) is True, and null elsewhere."""
        where = rows.nonzero().squeeze(1)
        with torch.autocast("cpu", torch.bfloat16):
            some = encoders()[name].encode(self.source.signals[name][indices[where]], self.ports[name].layout)
        return scatter(some, where, len(rows))
