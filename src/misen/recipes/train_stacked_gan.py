"""Words and named traits to pictures, in stages, on the avatar world: one network that follows either, both or none.

``python -m misen.recipes.train_stacked_gan 500`` prints what the judge says of pictures of the shipped model, and of
each of its stages, on 500 avatars of the test range.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from misen.assembly import encoders, open_model
from misen.core.condition import Condition
from misen.core.generator import Level
from misen.core.image import resize
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.data.cache import CachedWorld
from misen.data.world import EPOCH, first_truths
from misen.generators.gan import folder as files
from misen.generators.gan.stacked.conditioning import WordsPort
from misen.generators.gan.stacked.contrast import Contrast
from misen.generators.gan.stacked.discriminator import CriticSettings, StackedDiscriminator
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.stacked.network import StackedNetwork, StackedSettings
from misen.generators.gan.stacked.players import StackedGame, StackedRules
from misen.generators.gan.state import LatentState
from misen.metrics.fid import fid
from misen.metrics.grader import shipped_grader
from misen.metrics.reference import Reference
from misen.nn import weights
from misen.nn.word_matching import WordMatching
from misen.perception import coach
from misen.perception.claims import VIEWS, ruled_out, shown
from misen.perception.figures import Figure, mean
from misen.recipes.batches import Data, StoredBatches
from misen.recipes.evaluate_unclip import Sitters, judge_pictures, sitters
from misen.recipes.shipping import Walking, card_of, rewritten
from misen.recipes.train_joint import captions_of
from misen.scene.attributes import ATTRIBUTES
from misen.scene.language import Caption
from misen.scene.splits import VALIDATION
from misen.scene.truth import Truth
from misen.training import Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

NAME = "avatars/stacked"
TEXT, TRAITS = "text", "attributes"
"""The modalities that it knows how to tell; both take tokens."""
WATCHED, MEASURED, CHUNK = 128, 500, 50
"""Validation avatars whose pictures are watched during training, test avatars behind the card, and how many at once."""
TYPICAL = 4000
"""Draws whose mean latent is taken as what is typical."""
Denied = Bool[Tensor, "batch values"]
"""What cannot be, if what was told is true; columns as in ``claims``."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        ports: share of the samples that are told each modality, "text" or "attributes".
        network: size and shape of the generator's network.
        critics: of the critics.
        rules: of the game.
        critics_told: whether critics know what was asked for; without it the generator has no reason to listen.
        defaults: what a caller need not say.
    """

    ports: dict[str, float] = field(default_factory=lambda: {TEXT: 0.8, TRAITS: 0.4})
    network: StackedSettings = field(default_factory=StackedSettings)
    critics: CriticSettings = field(default_factory=CriticSettings)
    rules: StackedRules = field(default_factory=StackedRules)
    critics_told: bool = True
    defaults: Walking = field(default_factory=Walking)


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network against its critics, measure it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    game = build(settings, config.seed)
    generator, people = StackedGenerator(game.networks), listeners(WATCHED)
    callbacks = [
        Console(),
        JsonLines(folder / "log.jsonl"),
        Evaluation(lambda step: {"obeyed": obeyed(generator, people)}),
    ]
    batches = ToldBatches(world, settings, config)
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        draws = torch.Generator().manual_seed(config.seed)
        game.networks.settle(torch.randn(TYPICAL, game.networks.inputs, generator=draws))
        facts = {"data": {"cache": world.fingerprint}, **asdict(settings.defaults), "figures": evaluate(game, MEASURED)}
        generator.card.update(card_of(generator.networks, config.name, config, outcome, facts))
        with rewritten(config.name) as target:
            files.save(generator, target)
    return outcome


def build(settings: Settings, seed: int) -> StackedGame:
    """An untrained network and its critics, as ``seed`` draws them, and what contrasts their pictures with words."""
    lines, sights = list(table(settings.ports)), coach.joint()
    torch.manual_seed(seed)  # only now, since a network that is opened for the first time draws too
    network = StackedNetwork(settings.network, lines)
    critics = StackedDiscriminator(settings.critics, lines if settings.critics_told else [], settings.network.sizes)
    if not settings.rules.contrast:
        return StackedGame(network, critics, settings.rules)
    matching = WordMatching(sights.picture.width, encoders()[TEXT].width("tokens"))
    return StackedGame(network, critics, settings.rules, Contrast(sights, settings.rules.contrast, matching))


def table(ports: Collection[str]) -> Iterator[WordsPort]:
    """The table of ports, with the widths that the encoders state."""
    lengths = {TEXT: coach.text_encoder().tokenizer.model_max_length, TRAITS: len(ATTRIBUTES)}
    return (WordsPort(name, encoders()[name].width("tokens"), lengths[name]) for name in ports)


# --- what is told ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Telling:
    """What is told of B avatars in one way.

    Attributes:
        condition: of every item.
        denied: what it rules out.
    """

    condition: Condition
    denied: Denied


@torch.no_grad()
def tell_words(captions: Sequence[Caption]) -> Telling:
    """Sentences as their tokens."""
    signal = modalities()[TEXT].signal([one.text for one in captions], [one.mentions for one in captions])
    with torch.autocast("cpu", torch.bfloat16):
        condition = encoders()[TEXT].encode(signal, "tokens")
    value = condition.value.float()
    return Telling(Condition("tokens", value, condition.present, condition.mask), ruled_out(captions))


def tell_traits(truth: Truth, seeds: Tensor) -> Telling:
    """All or some of the visible traits; each rules out the other values of its own."""
    signal = modalities()[TRAITS].signal.observe(truth, seeds)
    blocks = signal.weights.split([len(attribute) for attribute in ATTRIBUTES], dim=1)
    denied = [(block == 0) & (block > 0).any(dim=1, keepdim=True) for block in blocks]
    views = torch.zeros(len(seeds), len(VIEWS), dtype=torch.bool)
    return Telling(encoders()[TRAITS].encode(signal, "tokens"), torch.cat([*denied, views], dim=1))


@torch.no_grad()
def spoken(captions: Sequence[Caption], telling: Telling) -> dict[str, Tensor]:
    """Which of a sentence's tokens are words, and its place in joint embedding A."""
    joint = coach.joint()
    lengths = torch.tensor([len(ids) for ids in joint.words.tokenize([one.text for one in captions])])
    tokens = telling.condition.value
    position = torch.arange(tokens.shape[1])
    counted = (position > 0) & (position < lengths[:, None] - 1)
    return {
        "tokens": tokens,
        "counted": counted,
        "places": joint.place_words(tokens[torch.arange(len(tokens)), lengths - 1]),
        "denied": telling.denied,
    }


class ToldBatches(StoredBatches[CachedWorld]):
    """Pictures with what a random subset of the ports is told of them, and with what was told of other pictures."""

    def __init__(self, world: CachedWorld, settings: Settings, config: TrainingConfig) -> None:
        super().__init__(world, config)
        self.ports, self.size = settings.ports, settings.network.sizes[-1]
        self.contrasts = bool(settings.rules.contrast)

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``; see ``StackedGame``."""
        indices, epoch = self.order(step)
        truth, chance = self.source.truth(indices), self.chance(step, "presence")
        seeds = truth.record.seed + epoch * EPOCH
        captions = captions_of(truth, seeds.tolist())
        tellings = {TEXT: tell_words(captions), TRAITS: tell_traits(truth, seeds)}
        rows = {name: torch.rand(len(indices), generator=chance) < share for name, share in self.ports.items()}
        conditions = {name: tellings[name].condition.where(told) for name, told in rows.items()}
        denied = torch.stack([tellings[name].denied & told[:, None] for name, told in rows.items()]).any(dim=0)
        seen, others = shown_in(truth), torch.arange(len(indices)).roll(1)
        batch = {
            "pictures": resize(truth.observation.image, self.size),
            "conditions": conditions,
            "strange": {name: condition[others] for name, condition in conditions.items()},
            "contradicted": (denied[others] & seen).any(dim=1),
        }
        if self.contrasts:
            batch["spoken"] = {"rows": rows[TEXT], "shown": seen, **spoken(captions, tellings[TEXT])}
        return batch


def shown_in(truth: Truth) -> Denied:
    """(B, V) bool: the values and the view that can be seen."""
    return shown(truth.record.attributes, truth.observation.attributes_visible, truth.record.camera[:, 0])


# --- what is watched and measured ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listeners:
    """Avatars that are asked for in words.

    Attributes:
        condition: of their sentences.
        attributes: (N, 16) value indices.
        visible: (N, 16) bool.
    """

    condition: Condition
    attributes: Tensor
    visible: Tensor


def listeners(count: int) -> Listeners:
    """The first ``count`` avatars of the validation range."""
    truths = list(first_truths(VALIDATION, count))
    captions = [one for truth in truths for one in captions_of(truth, truth.record.seed.tolist())]
    attributes = torch.cat([truth.record.attributes for truth in truths])
    visible = torch.cat([truth.observation.attributes_visible for truth in truths])
    return Listeners(tell_words(captions).condition, attributes, visible)


@torch.no_grad()
def obeyed(generator: StackedGenerator, people: Listeners) -> float:
    """The share of visible attributes that observer A reads in pictures made of sentences as they should be."""
    reading = coach.observer()(generator.finish(decided(generator, people.condition)))
    read = torch.stack([reading.log_probability(column).argmax(dim=1) for column in range(len(ATTRIBUTES))], dim=1)
    return float((read == people.attributes)[people.visible].float().mean())


def decided(generator: StackedGenerator, condition: Condition, first: int = 0) -> LatentState:
    """The state of one picture for each sentence; the seeds count from ``first``."""
    state = generator.start(len(condition), Streams(range(first, first + len(condition))))
    return state.moved(generator.predict(state, Level(0.0), {TEXT: condition}).point)


def evaluate(game: StackedGame, count: int) -> Mapping[str, Mapping[str, float]]:
    """Figures by name on ``count`` test avatars with full captions, by the judge; and how critics rank wrong words."""
    people = sitters(count)
    figures = {**measure(StackedGenerator(game.networks), people), **rank(game, people)}
    return {name: asdict(figure) for name, figure in figures.items()}


@torch.no_grad()
def measure(generator: StackedGenerator, people: Sitters) -> dict[str, Figure]:
    """What ``judge_pictures`` says of the pictures, and the FID-A of every stage."""
    condition = tell_words(people.captions).condition
    states = [decided(generator, condition[part], part.start) for part in parts(len(people))]
    stages = [torch.cat(same) for same in zip(*(generator.stages(state) for state in states), strict=True)]
    grader = shipped_grader()
    reference = Reference.load(weights.shipped("reference"), grader.name)
    distances = {
        f"fid_a_{made.shape[-1]}": fid(reference.moments, grader.survey(resize(made.clamp(-1, 1), 64)).features)
        for made in stages
    }
    return {**judge_pictures(stages[-1].clamp(-1, 1), people), **distances}


@torch.no_grad()
def rank(game: StackedGame, people: Sitters) -> dict[str, Figure]:
    """``ranked_SIZE``: the share of renders that look better with their own sentence than with a false one."""
    condition = tell_words(people.captions).condition
    draw = torch.rand(people.false.shape, generator=torch.Generator().manual_seed(0))
    strange = condition[draw.masked_fill(~people.false, -1).argmax(dim=0)]
    wins = [_wins(game, people.images[part], condition[part], strange[part]) for part in parts(len(people))]
    known = torch.cat(wins, dim=1)[:, people.false.any(dim=0)].double()
    return {f"ranked_{size}": mean(won) for size, won in zip(game.networks.settings.sizes, known, strict=True)}


def _wins(game: StackedGame, images: Tensor, own: Condition, strange: Condition) -> Bool[Tensor, "stages batch"]:
    """Which pictures look better with their own sentence than with another."""
    seen = game.critics.look(game.sizes(images))
    return game.critics.judge(seen, {TEXT: own}) > game.critics.judge(seen, {TEXT: strange})


def parts(count: int) -> Iterator[slice]:
    """Consecutive parts of ``count`` items."""
    return (slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


def main(count: str = str(MEASURED)) -> None:
    """Print the shipped model's figures."""
    generator: Any = open_model(NAME).generator
    for name, figure in measure(generator, sitters(int(count))).items():
        sys.stdout.write(f"{name:14s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
