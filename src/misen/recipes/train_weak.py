"""The weak network of a diffusion model, which guidance leads away from: small, told nothing, trained for minutes.

It becomes a part of the model that ships, whose other weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.codecs import shipped
from misen.data.cache import CachedWorld
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.players import WeakPlayer
from misen.generators.diffusion.weak import WeakSettings
from misen.nn import weights
from misen.recipes.batches import Data, LatentBatches
from misen.recipes.shipping import share, ship
from misen.recipes.train_diffusion import cached_latents
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        beside: the model that ships, a part of which it becomes.
        unet: size and shape of the network.
    """

    beside: str = "avatars/diffusion"
    unet: WeakSettings = field(default_factory=WeakSettings)


class Untold(LatentBatches[CachedWorld]):
    """Latents, and nothing of what they show."""

    def beside(self, indices: Tensor, epoch: int, chance: torch.Generator) -> Mapping[str, Any]:
        """Nothing."""
        return {}


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network on cached latents, ship it as ``config.name`` and as a part of the model beside it."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    generator = files.load(weights.shipped(settings.beside))
    codec = weights.read_card(weights.shipped(shipped.AUTOENCODER))["sha256"]
    latents = cached_latents(generator, world, folder / f"latents-{codec[:8]}-{world.fingerprint[:8]}.npy")
    torch.manual_seed(config.seed)
    weak = settings.unet.unet()
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    player, batches = WeakPlayer(weak, generator.schedule), Untold(world, latents, config)
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"architecture": asdict(settings.unet), "data": asdict(world.manifest)}
        ship(weak, config.name, config, outcome, facts)
        files.save_weak(weak, weights.shipped(settings.beside))
        share(weights.shipped(settings.beside))
    return outcome
