"""Maps and an exemplar to pictures on the avatar world: what the maps ask for is sought in the exemplar (CoCosNet).

``python -m misen.recipes.train_correspondence 100 avatars/cocosnet avatars/spade`` prints, for 100 heads of the test
range that an exemplar shows turned by 40 to 60 degrees, how near each model's colors are to the exemplar's part by
part, and for one that matches, how far from the true places it looks.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.assembly import open_model
from misen.core.condition import Condition
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem
from misen.data.cache import CachedWorld
from misen.data.world import companion
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.players import MatchingWeights, TranslationGame
from misen.metrics.alignment import Trial, adherence, derangement
from misen.metrics.correspondence import end_point_errors, partners
from misen.metrics.part_colors import color_distances
from misen.nn.fusion.correspondence import expected_places
from misen.perception import coach
from misen.perception.figures import Figure, bootstrapped, mean
from misen.recipes.train_translation import (
    PARTS,
    Data,
    Settings,
    TranslationBatches,
    build,
    readers,
    ship,
    table,
    told,
    watchers,
)
from misen.scene.observation import Observation
from misen.scene.observe import observe
from misen.scene.record import Record
from misen.scene.sketching import sketch
from misen.scene.splits import TEST
from misen.scene.truth import Truth
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

EXEMPLAR = "exemplar"
"""The modality whose pictures are matched."""
MEASURED, CHUNK = 100, 25
"""Heads that the card's figures come from, and how many are painted together."""
SEARCHED = 200
"""Heads of the test range that are looked at together for such that are turned enough."""
TURNED = (40.0, 60.0)
"""Degrees of yaw between a head and its exemplar, for what is measured."""


@dataclass(frozen=True)
class MatchingSettings(Settings):
    """The same as without exemplars, with a port of maps for them.

    Attributes:
        matching: weights of the losses of matching.
    """

    matching: MatchingWeights = field(default_factory=MatchingWeights)


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the network on the cached world, measure it and ship it as ``config.name``."""
    settings = config.section("model", MatchingSettings)
    world = CachedWorld(config.section("data", Data).cache)
    features = coach.observer().pyramid  # before anything is drawn, since a network draws when it is first opened
    network = build(settings.network, table(settings.ports, EXEMPLAR), config.seed)
    game = TranslationGame(network, features, settings.weights, settings.critic, settings.matching)
    batches = TranslationBatches(world, network, settings.ports, config)
    callbacks = [Console(), JsonLines(folder / "log.jsonl"), *watchers(network)]
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        figures = {name: asdict(figure) for name, figure in evaluate(TranslationGenerator(network), MEASURED).items()}
        facts = {"family": "gan", "data": {"cache": world.fingerprint}, "figures": figures, **asdict(settings.defaults)}
        ship(network, config, outcome, facts)
    return outcome


# --- what is measured ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turned:
    """Heads, and how their exemplars show them.

    Attributes:
        truth: of the heads.
        shown: the pixels of their exemplars.
    """

    truth: Truth
    shown: Observation


def turned_heads(count: int, size: int = 64) -> Iterator[Turned]:
    """The first ``count`` heads of the test range that their exemplars show turned as far as ``TURNED`` says."""
    found: list[Record] = []
    for start in range(0, len(TEST), SEARCHED):
        records = TEST.records(start, SEARCHED)
        found.append(records[_far(records)])
        if sum(map(len, found)) >= count:
            break
    for part in torch.arange(count).tensor_split(math.ceil(count / CHUNK)):
        yield _turned(Record.cat(found)[part], size)


def _far(records: Record) -> Tensor:
    """(B,) bool: whose exemplar is turned far enough, and not too far."""
    yaw = torch.rad2deg(records.camera[:, 0] - companion(records).camera[:, 0]).abs()
    return (yaw >= TURNED[0]) & (yaw <= TURNED[1])


def _turned(records: Record, size: int) -> Turned:
    observation, shown = observe(records, size), observe(companion(records), size)
    return Turned(Truth(records, observation, sketch(observation, records.seed), shown.image), shown)


@torch.no_grad()
def evaluate(generator: TranslationGenerator, count: int) -> dict[str, Figure]:
    """Figures by name, on ``count`` >= 2 heads.

    ``part_colors``: CIE 1976 color difference of each part's mean color from the exemplar's; ``part_colors_normalized``
    lies between that from another head's exemplar (0) and that of the true picture (1); of a generator that matches,
    ``end_point_error``: how far it looks from the true place, in pixels at 64, and ``end_point_error_random``: how far
    a place at random is.
    """
    heads = list(turned_heads(count, generator.size))
    trial = Trial.cat([_colors(generator, some) for some in heads])
    figures = {"part_colors": mean(trial.made[~trial.made.isnan()]), "part_colors_normalized": adherence(trial)}
    if generator.networks.matcher is None:
        return figures
    errors, random = (torch.cat(parts) for parts in zip(*(_errors(generator, some) for some in heads), strict=True))
    seen = ~errors.isnan()
    return {**figures, "end_point_error": mean(errors[seen]), "end_point_error_random": mean(random[seen])}


@torch.no_grad()
def nearer(first: TranslationGenerator, second: TranslationGenerator, count: int) -> Figure:
    """By which share the parts of the first's pictures are nearer in color to the exemplar's than the second's."""
    pairs = [[_colors(one, heads).made for one in (first, second)] for heads in turned_heads(count, first.size)]
    ours, theirs = (torch.cat(distances) for distances in zip(*pairs, strict=True))
    return bootstrapped(lambda items: 1 - ours[items].nanmean() / theirs[items].nanmean(), count)


def _colors(generator: TranslationGenerator, heads: Turned) -> Trial:
    """Color distances of what is painted from each head's exemplar and from another's, and of the true pictures."""
    wanted, shown = heads.truth.observation, heads.shown
    made = painted(generator, heads.truth)
    others = derangement(len(made))
    return Trial(
        made=color_distances(made, wanted.segmentation, shown.image, shown.segmentation),
        oracle=color_distances(wanted.image, wanted.segmentation, shown.image, shown.segmentation),
        shuffled=color_distances(made, wanted.segmentation, shown.image[others], shown.segmentation[others]),
    )


def _errors(generator: TranslationGenerator, heads: Turned) -> tuple[PerItem, PerItem]:
    """How far from the true places the generator looks, and how far places at random are."""
    truth, network = heads.truth, generator.networks
    match = network.compose(conditions(generator, truth), torch.zeros(len(truth), network.settings.style)).match
    assert match is not None, "a generator that matches was given maps and exemplars"
    rows = match.sought.shape[2]
    true = partners(truth.observation, heads.shown, rows)
    places = expected_places(match.shares(), rows)
    chance = Streams(truth.record.seed.tolist(), "places").uniform(*places.shape[1:])
    return end_point_errors(places, true), end_point_errors(chance, true)


def painted(generator: TranslationGenerator, truth: Truth) -> Images:
    """What the generator makes of the parts and the exemplars of a truth."""
    state = generator.start(len(truth), Streams(truth.record.seed.tolist()))
    estimate = generator.predict(state, Level(0.0), conditions(generator, truth))
    return generator.finish(state.moved(estimate.point))


def conditions(generator: TranslationGenerator, truth: Truth) -> Mapping[str, Condition]:
    """The parts and the exemplars of a truth, as the generator's ports take them."""
    encoders = readers(generator.networks)
    layouts = {name: generator.ports[name].layout for name in (PARTS, EXEMPLAR)}
    return {name: told(encoders[name], name, layout, truth) for name, layout in layouts.items()}


def main(count: str = str(MEASURED), name: str = "avatars/cocosnet", *others: str) -> None:
    """Print the figures of shipped models, and how much nearer the first comes to its exemplars than each other."""
    number, generators = int(count), {one: _opened(one) for one in (name, *others)}
    for one, generator in generators.items():
        figures = evaluate(generator, number)
        sys.stdout.writelines(f"{one:18s} {figure:24s} {value}\n" for figure, value in figures.items())
    for other in others:
        sys.stdout.write(f"{name} nearer than {other}: {nearer(generators[name], generators[other], number)}\n")


def _opened(name: str) -> Any:
    return open_model(name).generator


if __name__ == "__main__":
    main(*sys.argv[1:])
