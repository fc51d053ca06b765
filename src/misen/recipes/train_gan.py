"""The style-based GAN on the avatar world: an autoencoder first, whose decoder then goes on against critics."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from misen.core.errors import ConfigError
from misen.core.generator import Player
from misen.data.cache import CachedWorld
from misen.generators.gan.folder import describe
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings
from misen.generators.gan.players import Critic, Rules, StyleGame
from misen.nn.critics import ProjectedCritic, ResidualCritic
from misen.perception import coach
from misen.recipes.batches import Data, StoredBatches
from misen.recipes.evaluate_gan import MEASURED, judged, measure, watch
from misen.recipes.shipping import Walking, go_on, ship
from misen.recipes.train_autoencoder import test_pictures
from misen.training import (
    Batches,
    Console,
    Evaluation,
    JsonLines,
    Outcome,
    Trainer,
    TrainingConfig,
    flushed_denormals,
)

WATCHED = 128
"""Pictures that are followed during training."""
SETTLING = 10_000
"""Draws whose mean latent is what is typical."""


@dataclass(frozen=True)
class Critics:
    """Who judges.

    Attributes:
        residual: channels of the critic that learns everything, at half the picture's size, a quarter and so on, down
            to 4x4; none if empty.
        projected: channels of the critic that looks through observer A; none if 0.
    """

    residual: Sequence[int] = (32, 64, 128, 192)
    projected: int = 64


@dataclass(frozen=True)
class Beginning:
    """How the networks begin as an autoencoder; where they differ from the run's, fields of its configuration.

    Attributes:
        steps: after which that ends.
        max_minutes: after which it ends at the latest.
        lr: learning rate.
        betas: AdamW's two decays.
    """

    steps: int | None = None
    max_minutes: float = 20.0
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        networks: size and shape.
        critics: who judges.
        rules: what counts how much; the observer is not needed where no critic and no distance looks through it.
        beginning: the time before the critics.
        defaults: what a caller need not say.
        go_on: start from the weights that ship; the critics begin anew, and there is no beginning.
        judged: the judge is asked as well, which must ship then.
    """

    networks: StyleSettings = field(default_factory=StyleSettings)
    critics: Critics = field(default_factory=Critics)
    rules: Rules = field(default_factory=Rules)
    beginning: Beginning = field(default_factory=Beginning)
    defaults: Walking = field(default_factory=lambda: Walking(steps=40))
    go_on: bool = False
    judged: bool = True


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the generator, measure it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    game, batches = prepare(settings, config.seed), PictureBatches(world, config)
    generator, callbacks = StyleGenerator(game.networks), [Console(), JsonLines(folder / "log.jsonl")]
    told = {}
    if settings.go_on:
        go_on(game.networks, config.name)
    else:
        begun = begin(game, batches, config, settings.beginning, folder / "beginning", resume=resume, allow=allow)
        told = {"beginning": {"samples": begun.samples, "minutes": round(begun.minutes, 2)}}
    held_out = test_pictures(WATCHED)
    watched = Evaluation(lambda step: watch(generator, held_out, with_judge=settings.judged))
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=[*callbacks, watched])
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        settle(game.networks.requires_grad_(False), config.seed)
        figures = {**measure(generator, MEASURED), **(judged(generator, MEASURED) if settings.judged else {})}
        facts = {"data": asdict(world.manifest), **asdict(settings.defaults), **told, "figures": figures}
        ship(game.networks, config.name, config, outcome, {**describe(generator), **facts})
    return outcome


def prepare(settings: Settings, seed: int) -> StyleGame:
    """Untrained networks and critics, as ``seed`` draws them."""
    looks = settings.critics.projected or settings.rules.perceptual
    eyes = coach.observer().pyramid if looks else None
    torch.manual_seed(seed)  # only now, since a network that is opened for the first time draws too
    networks = StyleNetworks(settings.networks)
    critics = list(build_critics(settings.critics, eyes))
    if not critics:
        hint = "give residual channels, or projected ones"
        raise ConfigError("there is no critic to learn from", field="model.critics", hint=hint)
    return StyleGame(networks, critics, settings.rules, eyes if settings.rules.perceptual else None)


def build_critics(settings: Critics, eyes: Any) -> Iterator[Critic]:
    """Those that the settings name; ``eyes`` is observer A's pyramid, where anybody looks through it."""
    if settings.residual:
        yield Critic(ResidualCritic(settings.residual), lambda images: images)
    if settings.projected:
        yield Critic(ProjectedCritic(eyes.widths, settings.projected), eyes)


@runtime_checkable
class Beginner(Protocol):
    """A game whose networks learn something by themselves before there is anybody to please."""

    @property
    def networks(self) -> nn.Module:
        """What plays on."""
        ...

    def beginners(self) -> Iterator[Player]:
        """Who learns."""
        ...


def begin(
    game: Beginner,
    batches: Batches,
    config: TrainingConfig,
    beginning: Beginning,
    folder: Path,
    *,
    resume: bool,
    allow: Collection[str],
) -> Outcome:
    """Train the networks of a game without its critics, and leave them with their averaged weights."""
    own = config.model_copy(update=asdict(beginning))
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer(game.beginners(), batches, own, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        averaged = {name: tensor.clone() for name, tensor in game.networks.state_dict().items()}
    game.networks.load_state_dict(averaged)
    return outcome


class PictureBatches(StoredBatches[CachedWorld]):
    """Renders alone."""

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "pictures" (B, 3, H, W)."""
        indices, _ = self.order(step)
        return {"pictures": self.source.field("image", indices).float() / 127.5 - 1}


def settle(networks: StyleNetworks, seed: int) -> None:
    """Tell the mapping what is typical."""
    chance = torch.Generator().manual_seed(seed)
    networks.mapping.settle(torch.randn(SETTLING, networks.settings.draws, generator=chance))
