"""Latent diffusion on the avatar world: one U-Net that follows any subset of its guidances."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from misen.assembly import encoders
from misen.codecs import shipped
from misen.core.condition import Condition, Encoder, Layout
from misen.core.files import replace_file
from misen.core.generator import Player
from misen.core.registry import modalities
from misen.core.shapes import Images, Maps
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.diffusion import folder as files
from misen.generators.diffusion.alignment import AlignedPlayer
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.players import draw_presence
from misen.generators.diffusion.ports import PortSettings
from misen.nn import weights
from misen.perception import coach
from misen.recipes.batches import Data, LatentBatches
from misen.recipes.shipping import card_of, rewritten
from misen.scene.truth import Truth
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

STOCK = "text"
"""The modality whose tokens diffusers' own pipeline feeds to the U-Net."""


@dataclass(frozen=True)
class Entrance:
    """How a modality enters, and how often relative to the others."""

    layout: Layout
    share: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """How the card recommends to make pictures."""

    sampler: str = "dpm++2m"
    steps: int = 20
    guidance_scale: float = 3.0


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        ports: by modality.
        unet: size and shape of the U-Net.
        defaults: what a caller need not say.
    """

    ports: dict[str, Entrance]
    unet: DenoiserSettings = field(default_factory=DenoiserSettings)
    defaults: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True)
class AvatarSettings(Settings):
    """The same, for a world that observer A has seen.

    Attributes:
        go_on: the denoiser goes on from the weights that ship.
        alignment: weight of learning to see what observer A sees, beside the error of the velocity.
    """

    go_on: bool = False
    alignment: float = 0.0


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the denoiser on cached latents and ship the model as ``config.name``."""
    settings = config.section("model", AvatarSettings)
    world = CachedWorld(config.section("data", Data).cache)
    start = weights.SHIPPED / config.name if settings.go_on else None
    generator = build(settings, config.seed, start=start)
    codec = weights.read_card(weights.shipped(shipped.AUTOENCODER))["sha256"]
    latents = cached_latents(generator, world, folder / f"latents-{codec[:8]}-{world.fingerprint[:8]}.npy")
    batches = ConditionedBatches(world, latents, settings.ports, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer(players(generator, settings), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"family": "diffusion", "data": {"cache": world.fingerprint}, **asdict(settings.defaults)}
        generator.card.update(card_of(generator.denoiser, config.name, config, outcome, facts))
        with rewritten(config.name) as target:
            files.save(generator, target)
    return outcome


def build(settings: Settings, seed: int, start: Path | None = None) -> DiffusionGenerator:
    """A generator around the shipped autoencoder, tiny decoder and text encoder.

    Its denoiser is untrained, as ``seed`` draws it, or has all it can take from the model in the folder ``start``.
    """
    codec, words, entrances = shipped.autoencoder(), coach.text_encoder(), list(table(settings.ports))
    torch.manual_seed(seed)  # only now, since a network that is opened for the first time draws too
    denoiser = Denoiser(settings.unet.unet(), entrances, codec.stride)
    if start is not None:
        take_over(denoiser, files.load_denoiser(start, codec.stride))
    denoiser.set_null(null_words())
    companions = {"text_encoder": words.model, "tokenizer": words.tokenizer}
    return DiffusionGenerator(denoiser, codec, shipped.tiny_decoder(), companions=companions)


def null_words() -> Tensor:
    """(L, D): what the stock pipeline feeds for an empty prompt."""
    words: Tensor = encoders()[STOCK].encode(modalities()[STOCK].signal.parse(""), "tokens").value[0]
    return words


def take_over(denoiser: Denoiser, older: Denoiser) -> None:
    """Give ``denoiser`` every weight that ``older`` has too; an entrance that takes another layout now begins anew."""
    own, theirs = denoiser.state_dict(), older.state_dict()
    common = {name for name in own.keys() & theirs.keys() if own[name].shape == theirs[name].shape}
    denoiser.load_state_dict({name: theirs[name] if name in common else own[name] for name in own})


def players(generator: DiffusionGenerator, settings: AvatarSettings) -> Iterable[Player]:
    """The denoiser, taught by observer A where alignment weighs anything."""
    if not settings.alignment:
        return generator.players()
    return [AlignedPlayer(generator.denoiser, generator.schedule, sights, settings.alignment)]


@torch.no_grad()
def sights(pictures: Images) -> Maps:
    """(B, F, h, w): observer A's feature maps at strides 8 and 16, the latter enlarged."""
    *_, fine, coarse = coach.observer().pyramid(pictures)
    return torch.cat([fine, functional.interpolate(coarse, fine.shape[-2:])], dim=1)


def table(ports: Mapping[str, Entrance]) -> Iterator[PortSettings]:
    """The table of ports, with the widths that the encoders state."""
    for name, entrance in ports.items():
        length = coach.text_encoder().model.config.max_position_embeddings if name == STOCK else 0
        yield PortSettings(name, entrance.layout, encoders()[name].width(entrance.layout), length)


@torch.no_grad()
def cached_latents(generator: DiffusionGenerator, world: CachedWorld, path: Path) -> Tensor:
    """(N, C, h, w) float16 latents of every picture of ``world``, computed once and kept at ``path``."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures = (world.truth(slice(start, start + 64)).observation.image for start in range(0, len(world), 64))
        with torch.autocast("cpu", torch.bfloat16):
            latents = [generator.encode(some).half() for some in pictures]
        content = io.BytesIO()
        np.save(content, torch.cat(latents).numpy())
        replace_file(path, content.getvalue())
    return torch.from_numpy(np.load(path))


class ConditionedBatches(LatentBatches[CachedWorld]):
    """Latents with the conditions that a random subset of the modalities makes of their truth."""

    def __init__(
        self, world: CachedWorld, latents: Tensor, ports: Mapping[str, Entrance], config: TrainingConfig
    ) -> None:
        super().__init__(world, latents, config)
        self.ports = ports

    def beside(self, indices: Tensor, epoch: int, chance: torch.Generator) -> Mapping[str, Any]:
        """The "conditions" and the "pictures"."""
        truth = self.source.truth(indices)
        seeds = truth.record.seed + epoch * EPOCH
        presence = draw_presence([port.share for port in self.ports.values()], len(indices), chance)
        conditions = {
            name: conditioned(encoders()[name], name, port.layout, truth, seeds, rows)
            for (name, port), rows in zip(self.ports.items(), presence.unbind(1), strict=True)
            if rows.any()
        }
        return {"conditions": conditions, "pictures": truth.observation.image}


@torch.no_grad()
def conditioned(
    encoder: Encoder, name: str, layout: Layout, truth: Truth, seeds: Tensor, rows: Tensor
) -> Condition:
    """The condition that a modality makes of the truth where ``rows`` (B,) is True, and null elsewhere."""
    where = rows.nonzero().squeeze(1)
    with torch.autocast("cpu", torch.bfloat16):
        some = encoder.encode(modalities()[name].signal.observe(truth[where], seeds[where]), layout)
    return scatter(some, where, len(rows))


def scatter(some: Condition, where: Tensor, count: int) -> Condition:
    """The items of ``some`` at the places ``where`` of a batch of ``count``; null elsewhere."""

    def spread(tensor: Tensor) -> Tensor:
        return tensor.new_zeros(count, *tensor.shape[1:]).index_copy(0, where, tensor)

    mask = None if some.mask is None else spread(some.mask)
    return Condition(some.layout, spread(some.value.float()), spread(some.present), mask)
