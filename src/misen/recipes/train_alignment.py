"""Words, maps and drawings in the latents of a style-based GAN, which stays as it is; its folder gets what is learned.

``misen generate --model gan --segmentation face.png --text "red hair"`` then takes both natively.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from misen.assembly import encoders, find
from misen.core.condition import Condition
from misen.core.energy import Energy
from misen.core.errors import InputError
from misen.core.image import resize
from misen.core.registry import modalities
from misen.core.shapes import Images
from misen.core.signal import Signal
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH
from misen.generators.gan.alignment.folder import ALIGNMENT, built, describe
from misen.generators.gan.alignment.generator import AlignedGenerator
from misen.generators.gan.alignment.players import AligningGame, AligningRules
from misen.generators.gan.alignment.readers import AlignmentSettings
from misen.generators.gan.folder import load_bare
from misen.generators.gan.generator import StyleGenerator
from misen.inversion.likeness import Likeness, Weights
from misen.metrics.capabilities import Falsifiable
from misen.modalities.text.energy import ClaimsEnergy
from misen.modalities.text.signal import Text
from misen.nn.weights import read_card
from misen.perception import coach
from misen.perception.reading import Reading
from misen.perception.senses import JointEmbedding, Look
from misen.recipes.batches import StoredBatches
from misen.recipes.evaluate_alignment import MEASURED, measure, watch
from misen.recipes.shipping import ship
from misen.scene.language.caption import Mention
from misen.scene.truth import Truth
from misen.training import Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

TEXT = "text"
"""The modality whose claims are known in training."""
SETTLED = 4000
"""Pictures among whose latents all others are counted."""
CHUNK = 100
"""Of them, seen at once."""
LIKENESS = Weights(absolute=1.0, squared=0.0, perceptual=0.3, identity=0.1)
"""What pictures of what is likeliest should share with the true ones."""


@dataclass(frozen=True)
class Entrance:
    """How a modality enters, and in which share of the samples."""

    layout: Literal["map", "tokens"]
    share: float = 0.5


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        ports: by modality.
        base: name of the model whose latents they are aligned with.
        network: size and shape of the experts.
        rules: what counts how much.
        judged: the judge is asked as well, which must ship then.
    """

    ports: dict[str, Entrance]
    base: str = "avatars/gan"
    network: AlignmentSettings = field(default_factory=AlignmentSettings)
    rules: AligningRules = field(default_factory=AligningRules)
    judged: bool = True


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies: the folder of a cache."""

    cache: str


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the experts, measure them, and put them beside the model that they belong to."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    base = style_based(settings.base)
    generator = prepare(base, settings, world, config.seed)
    game = compose(generator, settings)
    callbacks = [Console(), JsonLines(folder / "log.jsonl"), Evaluation(watch(generator))]
    batches = SaidBatches(world, settings.ports, generator.size, config)
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        figures = {name: asdict(one) for name, one in measure(generator, MEASURED, judged=settings.judged).items()}
        facts = {"data": asdict(world.manifest), "figures": figures}
        sha256 = read_card(find(settings.base))["sha256"]
        told = {**facts, **describe(generator.alignment, sha256)}
        ship(generator.alignment, f"{settings.base}/{ALIGNMENT}", config, outcome, told)
    return outcome


def style_based(name: str) -> StyleGenerator:
    """The model to be aligned with, without what may be aligned with it already; raises ``InputError`` for others."""
    generator: Any = load_bare(find(name))
    if generator.kind != StyleGenerator.kind:
        raise InputError(f"{name} has no latents of layers", field="model.base", hint="take a style-based model")
    return generator  # type: ignore[no-any-return]  # as its kind says


def prepare(base: StyleGenerator, settings: Settings, world: CachedWorld, seed: int) -> AlignedGenerator:
    """The generator with untrained experts, as ``seed`` draws them, who count from the latents of the world."""
    ports = {
        name: {"layout": entrance.layout, "width": encoders()[name].width(entrance.layout)}
        for name, entrance in settings.ports.items()
    }
    torch.manual_seed(seed)  # only now, since encoders may open networks, which draw
    alignment = built(base, settings.network, ports)
    alignment.coordinates.settle(seen(base, world, min(SETTLED, len(world))))
    return AlignedGenerator(base.networks, alignment, base.card)


@torch.no_grad()
def seen(base: StyleGenerator, world: CachedWorld, count: int) -> Tensor:
    """(count, layers, width) the latents of the first pictures of the world."""
    stored = [world.field("image", slice(start, min(start + CHUNK, count))) for start in range(0, count, CHUNK)]
    return torch.cat([base.encode(resize(some.float() / 127.5 - 1, base.size)) for some in stored])


def compose(generator: AlignedGenerator, settings: Settings) -> AligningGame:
    """Experts, the networks that they are for, and observer A, who says what pictures of theirs show."""
    look = Glance(coach.observer())
    liken = partial(Likeness, look=look, weights=LIKENESS)
    energies = steering(settings.ports, look)
    return AligningGame(generator.networks, generator.alignment, settings.rules, energies, liken, suits)


# --- who steers ------------------------------------------------------------------------------------------------------


class Glance:
    """Looks once at pictures about which several ask one after another."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._last: tuple[Images, Reading] | None = None

    def __call__(self, images: Images) -> Reading:
        """What is seen."""
        if self._last is None or self._last[0] is not images:
            self._last = images, self._look(images)
        return self._last[1]


@dataclass(frozen=True)
class Steering:
    """The coach's senses, of which one look serves all energies."""

    look: Look

    def observer(self) -> Look:
        """The one look."""
        return self.look

    def joint(self) -> JointEmbedding:
        """The coach's."""
        return coach.joint()


class KnownClaims(ClaimsEnergy):
    """The energy of captions whose claims are known, so that nothing has to be heard."""

    def claimed(self, signal: Text) -> Sequence[Sequence[Mention]]:
        """What each caption claims."""
        return [claims or () for claims in signal.claims]


def steering(names: Collection[str], look: Look) -> Mapping[str, Energy]:
    """Energies by modality, all by the same look."""
    energies: dict[str, Any] = {name: modalities()[name].part("energy").build(Steering(look)) for name in names}
    known: Any = KnownClaims(look)
    return {**energies, TEXT: known} if TEXT in energies else energies


# --- what is said ----------------------------------------------------------------------------------------------------


class SaidBatches(StoredBatches[CachedWorld]):
    """Pictures with what a random subset of the modalities says of them."""

    def __init__(self, world: CachedWorld, ports: Mapping[str, Entrance], size: int, config: TrainingConfig) -> None:
        super().__init__(world, config)
        self.ports, self.size = ports, size

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``; see ``AligningGame``."""
        indices, epoch = self.order(step)
        truth, chance = self.source.truth(indices), self.chance(step, "presence")
        seeds = truth.record.seed + epoch * EPOCH
        signals = {name: modalities()[name].signal.observe(truth, seeds) for name in self.ports}
        shares = {name: entrance.share for name, entrance in self.ports.items()}
        rows = {name: torch.rand(len(indices), generator=chance) < share for name, share in shares.items()}
        return {
            "pictures": resize(truth.observation.image, self.size),
            "truth": truth,
            "signals": signals,
            "conditions": {name: self._condition(name, signals[name]).where(rows[name]) for name in self.ports},
        }

    @torch.no_grad()
    def _condition(self, name: str, signal: Signal) -> Condition:
        with torch.autocast("cpu", torch.bfloat16):
            made = encoders()[name].encode(signal, self.ports[name].layout)
        return Condition(made.layout, made.value.float(), made.present, made.mask)


def suits(signal: Signal, truth: Truth) -> Tensor:
    """(B, B) bool: which wishes are true of which avatars; each of its own alone, where nothing else is known."""
    if not isinstance(signal, Falsifiable):
        return torch.eye(len(signal), dtype=torch.bool)
    return ~signal.false_of(truth.record.attributes, truth.observation.attributes_visible)
