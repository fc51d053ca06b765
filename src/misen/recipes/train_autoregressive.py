"""Models of tokens on the avatar world: one transformer that follows any subset of its guidances, in either order."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from misen.assembly import encoders
from misen.codecs import shipped
from misen.core.condition import Condition, Layout
from misen.core.files import replace_file
from misen.core.registry import modalities
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.autoregressive import folder as files
from misen.generators.autoregressive.folder import KINDS, AnyGenerator
from misen.generators.autoregressive.network import NetworkSettings
from misen.generators.autoregressive.prefix import PortSettings
from misen.generators.autoregressive.tokenizer import Tokenizer
from misen.generators.diffusion.players import draw_presence
from misen.nn import weights
from misen.recipes.batches import Data, StoredBatches
from misen.recipes.shipping import card_of, go_on, rewritten
from misen.recipes.train_autoencoder import test_pictures
from misen.recipes.train_diffusion import Entrance, scatter
from misen.scene.truth import Truth
from misen.training import Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

WATCHED = 128
"""Pictures on which is watched whether what was learned holds elsewhere."""


@dataclass(frozen=True)
class Sampling:
    """How the card recommends to make pictures."""

    sampler: str = "raster"
    steps: int = 8
    guidance_scale: float = 3.0


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        kind: the order in which tokens are decided.
        ports: by modality.
        network: size and shape; codes, stride and side are those of the tokenizer and of the world.
        tokenizer: name of the autoencoder whose codes are the tokens.
        defaults: what a caller need not say.
        go_on: start from the weights that ship.
    """

    ports: dict[str, Entrance]
    kind: Literal["raster", "masked"] = "raster"
    network: NetworkSettings = field(default_factory=NetworkSettings)
    tokenizer: str = shipped.TOKENS
    defaults: Sampling = field(default_factory=Sampling)
    go_on: bool = False


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network on cached tokens and ship the model as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    generator = build(settings, config.seed)
    if settings.go_on:
        go_on(generator.network, config.name)
    codes = weights.read_card(weights.shipped(settings.tokenizer))["sha256"]
    tokens = cached_tokens(generator.tokenizer, world, folder / f"tokens-{codes[:8]}-{world.fingerprint[:8]}.npy")
    batches = TokenBatches(world, tokens, settings.ports, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl"), Evaluation(watch(generator))]
    trainer = Trainer(generator.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"data": {"cache": world.fingerprint}, **asdict(settings.defaults)}
        generator.card.update(card_of(generator.network, config.name, config, outcome, facts))
        with rewritten(config.name) as target:
            files.save(generator, target)
    return outcome


def build(settings: Settings, seed: int) -> AnyGenerator:
    """An untrained network, as ``seed`` draws it, around the tokenizer that ships."""
    tokenizer = Tokenizer(shipped.quantized(weights.shipped(settings.tokenizer)))
    table, side = list(table_of(settings.ports)), test_pictures(1).shape[-1] // tokenizer.stride
    own = replace(settings.network, codes=tokenizer.codes, stride=tokenizer.stride, side=side)
    network, generator = KINDS[settings.kind]
    torch.manual_seed(seed)  # only now, since a network that is opened for the first time draws too
    made: AnyGenerator = generator(network(own, table), tokenizer)
    return made


def table_of(ports: Mapping[str, Entrance]) -> Iterator[PortSettings]:
    """The table of ports, with the widths that the encoders state."""
    for name, entrance in ports.items():
        yield PortSettings(name, entrance.layout, encoders()[name].width(entrance.layout))


@torch.no_grad()
def cached_tokens(tokenizer: Tokenizer, world: CachedWorld, path: Path) -> Tensor:
    """(N, h, w) int16 tokens of every picture of ``world``, computed once and kept at ``path``."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures = (world.truth(slice(start, start + 64)).observation.image for start in range(0, len(world), 64))
        content = io.BytesIO()
        np.save(content, torch.cat([tokenizer.read(some).short() for some in pictures]).numpy())
        replace_file(path, content.getvalue())
    return torch.from_numpy(np.load(path))


class TokenBatches(StoredBatches[CachedWorld]):
    """Tokens with the conditions that a random subset of the modalities makes of their truth.

    Args:
        world: the pictures.
        tokens: (N, h, w) of all of them.
        ports: by modality.
        config: of the run.
    """

    def __init__(
        self, world: CachedWorld, tokens: Tensor, ports: Mapping[str, Entrance], config: TrainingConfig
    ) -> None:
        super().__init__(world, config)
        self.tokens, self.ports = tokens, ports

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "tokens" (B, h, w) and "conditions"."""
        indices, epoch = self.order(step)
        truth = self.source.truth(indices)
        seeds = truth.record.seed + epoch * EPOCH
        shares = [port.share for port in self.ports.values()]
        presence = draw_presence(shares, len(indices), self.chance(step, "presence"))
        conditions = {
            name: self._condition(name, port.layout, truth, seeds, rows)
            for (name, port), rows in zip(self.ports.items(), presence.unbind(1), strict=True)
            if rows.any()
        }
        return {"tokens": self.tokens[indices].long(), "conditions": conditions}

    @torch.no_grad()
    def _condition(self, name: str, layout: Layout, truth: Truth, seeds: Tensor, rows: Tensor) -> Condition:
        """The condition that a modality makes of the truth where ``rows`` (B,) is True, and null elsewhere."""
        where = rows.nonzero().squeeze(1)
        with torch.autocast("cpu", torch.bfloat16):
            some = encoders()[name].encode(modalities()[name].signal.observe(truth[where], seeds[where]), layout)
        return scatter(some, where, len(rows))


def watch(generator: AnyGenerator) -> Callable[[int], Mapping[str, float]]:
    """Measures the loss on pictures nobody learns from, without guidance."""
    tokens = generator.tokenizer.read(test_pictures(WATCHED))
    (player,) = generator.players()

    def measure(step: int) -> Mapping[str, float]:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            loss, _ = player.loss({"tokens": tokens, "conditions": {}}, step)
        return {"held_out": loss.item()}

    return measure
