"""Maps to pictures on the avatar world: one network that follows any subset of its maps, by SPADE or by concatenation.

Both have as many parameters: the widths that a configuration states are those of SPADE, and concatenation multiplies
them by what makes it as large.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from misen.assembly import encoders
from misen.core.condition import Condition, Encoder, Layout
from misen.core.image import resize
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH, first_truths
from misen.generators.gan import folder as files
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.network import NetworkSettings, Table, TranslationNetwork, as_large
from misen.generators.gan.translation.players import CriticSettings, TranslationGame, Weights
from misen.metrics.class_maps import confusion, mean_iou
from misen.perception import coach
from misen.recipes.batches import Data, StoredBatches
from misen.recipes.shipping import Walking, card_of, rewritten
from misen.recipes.train_diffusion import conditioned
from misen.scene.anatomy import CLASSES
from misen.scene.splits import VALIDATION
from misen.scene.truth import Truth
from misen.training import Callback, Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

PARTS = "segmentation"
"""The map whose following is watched during training."""
WATCHED = 100
"""Validation pictures it is watched on."""


@dataclass(frozen=True)
class Entrance:
    """How a modality enters, and in which share of the samples."""

    layout: Literal["map", "vector"]
    share: float = 0.5


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        ports: by modality; maps tell where things are, vectors what they look like.
        network: size and shape; its widths are those of SPADE.
        critic: size of the critics.
        weights: of the painter's losses.
        defaults: what a caller need not say.
    """

    ports: dict[str, Entrance]
    network: NetworkSettings = field(default_factory=NetworkSettings)
    critic: CriticSettings = field(default_factory=CriticSettings)
    weights: Weights = field(default_factory=Weights)
    defaults: Walking = field(default_factory=Walking)


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network on the cached world and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    features = coach.observer().pyramid  # before anything is drawn, since a network draws when it is first opened
    network = build(settings.network, table(settings.ports), config.seed)
    game = TranslationGame(network, features, settings.weights, settings.critic)
    batches = TranslationBatches(world, network, settings.ports, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl"), *watchers(network)]
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        facts = {"family": "gan", "data": {"cache": world.fingerprint}, **asdict(settings.defaults)}
        ship(network, config, outcome, facts)
    return outcome


def table(ports: Mapping[str, Entrance], exemplar: str = "") -> Table:
    """The ports of a network, with the widths that the encoders state; ``exemplar`` names the one that is matched."""
    widths = {
        layout: {
            name: encoders()[name].width(layout)
            for name, entrance in ports.items()
            if entrance.layout == layout and name != exemplar
        }
        for layout in ("map", "vector")
    }
    return Table(maps=widths["map"], vectors=widths["vector"], exemplar=exemplar)


def build(settings: NetworkSettings, ports: Table, seed: int) -> TranslationNetwork:
    """An untrained network, as ``seed`` draws it; one that concatenates is made as large as SPADE would be."""
    chosen = settings
    if settings.fusion == "concat":
        chosen = as_large(replace(settings, fusion="spade"), "concat", ports)
    torch.manual_seed(seed)
    return TranslationNetwork(chosen, ports)


def readers(network: TranslationNetwork) -> Mapping[str, Encoder]:
    """Encoders by port: the network's own, where it has any, and those that all models share."""
    generator = TranslationGenerator(network)
    own = generator.own_encoders(encoders())
    return {name: own[name] if name in own else encoders()[name] for name in generator.ports}


def ship(network: TranslationNetwork, config: TrainingConfig, outcome: Outcome, facts: Mapping[str, Any]) -> None:
    """Write the network as the model ``config.name``."""
    card = card_of(network, config.name, config, outcome, facts)
    with rewritten(config.name) as target:
        files.save(TranslationGenerator(network, card), target)


# --- what is learned from --------------------------------------------------------------------------------------------


class TranslationBatches(StoredBatches[CachedWorld]):
    """Pictures with the conditions that a random subset of the modalities makes of their truth."""

    def __init__(
        self, world: CachedWorld, network: TranslationNetwork, ports: Mapping[str, Entrance], config: TrainingConfig
    ) -> None:
        super().__init__(world, config)
        self.ports, self.encoders, self.size = ports, readers(network), network.settings.size

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "image" and "conditions"."""
        indices, epoch = self.order(step)
        truth = self.source.truth(indices)
        shares = torch.tensor([port.share for port in self.ports.values()])
        presence = torch.rand(len(indices), len(shares), generator=self.chance(step, "presence")) < shares
        seeds = truth.record.seed + epoch * EPOCH
        conditions = {
            name: conditioned(self.encoders[name], name, port.layout, truth, seeds, rows)
            for (name, port), rows in zip(self.ports.items(), presence.unbind(1), strict=True)
            if rows.any()
        }
        return {"image": resize(truth.observation.image, self.size), "conditions": conditions}


@torch.no_grad()
def told(encoder: Encoder, name: str, layout: Layout, truth: Truth) -> Condition:
    """The condition that a modality makes of every item of a truth."""
    return encoder.encode(modalities()[name].signal.observe(truth, truth.record.seed), layout)


# --- what is watched -------------------------------------------------------------------------------------------------


def watchers(network: TranslationNetwork) -> Sequence[Callback]:
    """Who watches training: there is something to see if the network is told of parts."""
    return [Evaluation(watch(network))] if PARTS in network.table.maps else []


def watch(network: TranslationNetwork) -> Callable[[int], Mapping[str, float]]:
    """Measures how the coach sees parts follow their map, told of nothing else, on pictures nobody learns from."""
    truths = list(first_truths(VALIDATION, WATCHED))

    def measure(step: int) -> Mapping[str, float]:
        counts = torch.stack([_confused(network, truth) for truth in truths]).sum(dim=0)
        return {"iou_coach": mean_iou(counts)}

    return measure


def _confused(network: TranslationNetwork, truth: Truth) -> Tensor:
    """(17, 17) pixels by the part wanted and the part that the coach sees."""
    noise = Streams(truth.record.seed.tolist()).normal(network.settings.style)
    made = network({PARTS: told(encoders()[PARTS], PARTS, "map", truth)}, noise)
    seen = coach.observer()(made).segmentation.argmax(dim=1)
    return confusion(seen, truth.observation.segmentation, len(CLASSES))
