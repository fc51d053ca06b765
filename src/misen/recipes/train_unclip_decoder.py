"""The decoder of the model that works by way of a joint embedding: a trained diffusion model learns to show places."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import encoders
from misen.codecs import shipped
from misen.core.condition import Condition
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.players import DenoisingPlayer
from misen.generators.diffusion.schedule import OURS
from misen.generators.diffusion.unclip.folder import load_prior
from misen.generators.diffusion.unclip.generator import UnclipGenerator
from misen.generators.diffusion.unclip.places import TABLE, place_conditions
from misen.nn import weights
from misen.perception import coach
from misen.recipes.batches import LatentBatches
from misen.recipes.shipping import card_of, rewritten
from misen.recipes.train_diffusion import (
    STOCK,
    Entrance,
    Sampling,
    cached_latents,
    conditioned,
    null_words,
    table,
    take_over,
)
from misen.recipes.train_unclip_prior import Data, cached_places
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

WITHOUT_PLACE, WITHOUT_WORDS = 0.1, 0.5
"""Shares of samples that are not told the place, and the words."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        start: the model whose U-Net and ports are gone on from.
        prior: the model that imagines places for it.
        frozen: whether only the ports of a place learn; the U-Net is then stored once for both models.
        defaults: what a caller need not say.
    """

    start: str = "avatars/diffusion"
    prior: str = "avatars/unclip-prior"
    frozen: bool = False
    defaults: Sampling = field(default_factory=Sampling)


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the decoder on cached latents and places, and ship it with its prior as ``config.name``."""
    settings, data = config.section("model", Settings), config.section("data", Data)
    world, kept = CachedWorld(data.cache), Path(data.kept) if data.kept else folder
    generator = build(settings, config.seed)
    codec = weights.read_card(weights.shipped(shipped.AUTOENCODER))["sha256"]
    latents = cached_latents(generator, world, kept / f"latents-{codec[:8]}-{world.fingerprint[:8]}.npy")
    batches = PlacedBatches(world, latents, cached_places(world, kept), config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    player = DenoisingPlayer(generator.denoiser, OURS)
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"family": "diffusion", "data": {"cache": world.fingerprint}, **asdict(settings.defaults)}
        generator.card.update(card_of(generator.denoiser, config.name, config, outcome, facts))
        with rewritten(config.name) as target:
            files.save(generator, target)
    return outcome


def build(settings: Settings, seed: int) -> UnclipGenerator:
    """The generator, its denoiser with all it can take from the model it starts from."""
    codec, words, start = shipped.autoencoder(), coach.text_encoder(), weights.SHIPPED / settings.start
    prior, older = load_prior(weights.shipped(settings.prior)), files.load_denoiser(start, codec.stride)
    entrances = [*table({STOCK: Entrance("tokens")}), *TABLE]
    torch.manual_seed(seed)
    denoiser = Denoiser(type(older.unet).from_config(older.unet.config), entrances, codec.stride)
    take_over(denoiser, older)
    denoiser.set_null(null_words())
    denoiser.unet.requires_grad_(not settings.frozen)
    companions = {"text_encoder": words.model, "tokenizer": words.tokenizer}
    joint, tiny = coach.joint(), shipped.tiny_decoder()
    return UnclipGenerator(denoiser, codec, tiny, joint=joint, prior=prior, companions=companions)


class PlacedBatches(LatentBatches[CachedWorld]):
    """Latents with the places of their pictures and words about them, each left out at random."""

    def __init__(self, world: CachedWorld, latents: Tensor, places: Tensor, config: TrainingConfig) -> None:
        """``latents`` (N, C, h, w) and ``places`` (N, 128) are of every picture of ``world``."""
        super().__init__(world, latents, config)
        self.places = places

    def beside(self, indices: Tensor, epoch: int, chance: torch.Generator) -> Mapping[str, Any]:
        """The "conditions"."""
        drawn = torch.rand(2, len(indices), generator=chance)
        conditions = dict(place_conditions(self.places[indices], drawn[0] >= WITHOUT_PLACE))
        if (spoken := drawn[1] >= WITHOUT_WORDS).any():
            conditions[STOCK] = self._words(indices, epoch, spoken)
        return {"conditions": conditions}

    def _words(self, indices: Tensor, epoch: int, spoken: Tensor) -> Condition:
        truth = self.source.truth(indices)
        seeds = truth.record.seed + epoch * EPOCH
        return conditioned(encoders()[STOCK], STOCK, "tokens", truth, seeds, spoken)
