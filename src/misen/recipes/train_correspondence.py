"""Maps and an exemplar to pictures on the avatar world: what the maps ask for is sought in the exemplar (CoCosNet).

``python -m misen.recipes.train_correspondence 500 avatars/cocosnet avatars/spade`` prints, for 500 heads of the test
range that an exemplar shows turned by 40 to 60 degrees, how near each model's colors are to the exemplar's part by
part, and for one that matches, how far from the true places it looks; also for heads as they come, and whether it finds
places again in their own pictures.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from misen.generators.gan.translation.correspondence import Match
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.players import MatchingWeights, TranslationGame
from misen.metrics.alignment import Trial, adherence, derangement
from misen.metrics.correspondence import end_point_errors, partners
from misen.metrics.part_colors import color_distances
from misen.nn.fusion.correspondence import centres, expected_places
from misen.perception import coach
from misen.perception.figures import Figure, bootstrapped, mean
from misen.recipes.batches import Data
from misen.recipes.train_translation import (
    PARTS,
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
CELL = 1.01
"""Cells that a place counts as found within; a little more than one, for what is rounded."""
SEARCHED = 200
"""Heads of the test range that are looked at together for such that are turned enough."""
TURNED, ANYHOW = (40.0, 60.0), (0.0, 360.0)
"""Degrees of yaw between a head and its exemplar, for what is measured, and of heads as they come."""


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


def turned_heads(count: int, size: int = 64, turned: tuple[float, float] = TURNED) -> Iterator[Turned]:
    """The first ``count`` heads of the test range that their exemplars show turned by ``turned`` degrees."""
    found: list[Record] = []
    for start in range(0, len(TEST), SEARCHED):
        records = TEST.records(start, SEARCHED)
        found.append(records[_far(records, turned)])
        if sum(map(len, found)) >= count:
            break
    for part in torch.arange(count).tensor_split(math.ceil(count / CHUNK)):
        yield _turned(Record.cat(found)[part], size)


def _far(records: Record, turned: tuple[float, float]) -> Tensor:
    """(B,) bool: whose exemplar is turned far enough, and not too far."""
    yaw = torch.rad2deg(records.camera[:, 0] - companion(records).camera[:, 0]).abs()
    return (yaw >= turned[0]) & (yaw <= turned[1])


def _turned(records: Record, size: int) -> Turned:
    observation, shown = observe(records, size), observe(companion(records), size)
    return Turned(Truth(records, observation, sketch(observation, records.seed), shown.image), shown)


@torch.no_grad()
def evaluate(generator: TranslationGenerator, count: int) -> dict[str, Figure]:
    """Figures by name, on ``count`` >= 2 heads.

    ``part_colors``: CIE 1976 color difference of each part's mean color from the exemplar's; ``part_colors_normalized``
    lies between that from another head's exemplar (0) and that of the true picture (1); of a generator that matches,
    ``end_point_error``: how far it looks from the true place, in pixels at 64, ``end_point_error_random``: how far a
    place at random is, ``end_point_error_anyhow``: how far it looks in heads as they come, and ``found_again``: which
    share of the places of a head it finds within a cell in the same picture.
    """
    heads = list(turned_heads(count, generator.size))
    trial = Trial.cat([_colors(generator, some) for some in heads])
    figures = {"part_colors": mean(trial.made[~trial.made.isnan()]), "part_colors_normalized": adherence(trial)}
    if generator.networks.matcher is None:
        return figures
    seen = list(turned_heads(count, generator.size, ANYHOW))
    return {
        **figures,
        "end_point_error": _known([_errors(generator, some)[0] for some in heads]),
        "end_point_error_random": _known([_errors(generator, some)[1] for some in heads]),
        "end_point_error_anyhow": _known([_errors(generator, some)[0] for some in seen]),
        "found_again": _known([_found_again(generator, some) for some in seen]),
    }


def _known(parts: Sequence[PerItem]) -> Figure:
    """The mean over all heads of which anything is known."""
    values = torch.cat(list(parts))
    return mean(values[~values.isnan()])


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
    match, rows = _matched(generator, heads.truth)
    true = partners(heads.truth.observation, heads.shown, rows)
    places = expected_places(match.shares(), rows)
    chance = Streams(heads.truth.record.seed.tolist(), "places").uniform(*places.shape[1:])
    return end_point_errors(places, true), end_point_errors(chance, true)


def _found_again(generator: TranslationGenerator, heads: Turned) -> PerItem:
    """(B,) share of the places of heads that are found within a cell, up or aside, where their own picture is given."""
    seen = heads.truth.observation
    match, rows = _matched(generator, replace(heads.truth, exemplar=seen.image))
    known, own = partners(seen, seen, rows).known, centres(rows, rows)
    near = (rows * (own[match.shares().argmax(dim=2)] - own)).abs().amax(dim=2) <= CELL
    share: PerItem = (near & known).sum(dim=1) / known.sum(dim=1)
    return share


def _matched(generator: TranslationGenerator, truth: Truth) -> tuple[Match, int]:
    """Maps matched with exemplars, and in how many rows."""
    network = generator.networks
    match = network.compose(conditions(generator, truth), torch.zeros(len(truth), network.settings.style)).match
    assert match is not None, "a generator that matches was given maps and exemplars"
    return match, match.sought.shape[2]


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
