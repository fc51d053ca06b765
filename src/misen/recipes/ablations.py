"""Four losses and the figures that they are to move, each by itself: trained and judged with the loss and without.

The perceptual loss brings painted pictures nearer to the true ones, in LPIPS-A; coming back to where one began, and
patches that find each other, make pictures painted without pairs follow their maps; contrast with sentences lets a
picture's own sentence be found.

Source: Zhu et al. 2017 (arXiv:1703.10593), section 5.1.4, for what is left out of the cycle's game; Zhang et al. 2021
(arXiv:2101.04702) for the figure that contrast is to move.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from misen.assembly import encoders, judges
from misen.core.generator import Player
from misen.core.image import resize
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.core.shapes import Images, Scalar
from misen.data.cache import CachedWorld
from misen.data.order import Order
from misen.data.world import first_truths
from misen.generators.gan.stacked.contrast import ContrastWeights
from misen.generators.gan.stacked.discriminator import CriticSettings
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.stacked.network import StackedSettings
from misen.generators.gan.stacked.players import StackedRules
from misen.generators.gan.translation.network import NetworkSettings, TranslationNetwork
from misen.generators.gan.translation.players import CriticSettings as PatchSettings
from misen.generators.gan.translation.players import TranslationGame, Weights
from misen.generators.gan.unpaired import Travellers, UnpairedGame, UnpairedWeights
from misen.metrics.alignment import examine
from misen.metrics.grader import shipped_grader
from misen.metrics.r_precision import r_precision
from misen.perception import coach, judge
from misen.recipes import train_stacked_gan as stacked
from misen.recipes.batches import StoredBatches
from misen.recipes.evaluate_unclip import sitters
from misen.recipes.train_translation import PARTS, Entrance, TranslationBatches, build, table, told
from misen.scene.anatomy import CLASSES
from misen.scene.splits import TEST
from misen.scene.truth import Truth
from misen.training import Batches, Console, Trainer, TrainingConfig

SIZE = 32
"""Height and width of all pictures."""
Columns = Mapping[str, Tensor]
"""What is measured of each of N pictures, (N,) by name."""


@dataclass(frozen=True)
class Bench:
    """Where one network is trained.

    Attributes:
        world: what it learns from.
        config: of the run.
        folder: of its checkpoints.
        count: test pictures that are judged.
    """

    world: CachedWorld
    config: TrainingConfig
    folder: Path
    count: int

    def train(self, players: Iterable[Player], batches: Batches, judged: Callable[[], Columns]) -> tuple[int, Columns]:
        """Samples seen, and what is measured of the averaged weights; time is that of the processor."""
        trainer = Trainer(
            players, batches, self.config, folder=self.folder, callbacks=[Console()], clock=time.process_time
        )
        outcome = trainer.run(resume=True)
        with trainer.averaged(), torch.no_grad():
            return outcome.samples, judged()


@dataclass(frozen=True)
class Ablation:
    """One loss, and the figure it is to move.

    Attributes:
        run: trains and judges a network, with the loss or without.
        score: () of some pictures.
        effect: () what the loss does, of the scores with and without it.
    """

    run: Callable[[Bench, bool], tuple[int, Columns]]
    score: Callable[[Columns], Scalar]
    effect: Callable[[Scalar, Scalar], Scalar]


# --- the perceptual loss: maps of parts and named traits to the very picture -----------------------------------------

PAINTER = NetworkSettings(widths=(128, 96, 56), hidden=32, field=32, style=32)
GIVEN = {PARTS: Entrance("map", 1.0), "attributes": Entrance("vector", 1.0)}


def paint(bench: Bench, perceptual: bool) -> tuple[int, Columns]:
    """LPIPS-A to the render that the parts and traits are of."""
    network = build(PAINTER, table(GIVEN), bench.config.seed)
    rules = Weights(features=0.0, lpips_coach=3.0 if perceptual else 0.0)
    game = TranslationGame(network, coach.observer().pyramid, rules, PatchSettings(width=32))
    batches = TranslationBatches(bench.world, network, GIVEN, bench.config)
    return bench.train(game.players(), batches, lambda: {"lpips_a": distances(network, bench.count)})


def distances(network: TranslationNetwork, count: int) -> Tensor:
    """(count,) perceptual distances of painted test pictures to the true ones, both at the network's size."""
    lpips, apart = shipped_grader().lpips(), []
    for truth in first_truths(TEST, count):
        given = {name: told(encoders()[name], name, entrance.layout, truth) for name, entrance in GIVEN.items()}
        noise = Streams(truth.record.seed.tolist()).normal(network.settings.style)
        made = network(given, noise)
        apart.append(lpips(made, resize(truth.observation.image, network.settings.size)))
    return torch.cat(apart)


# --- the cycle, and the contrast of patches: maps of parts to pictures, learned without pairs -------------------------

WIDTHS = (128, 96, 56)


def travel(bench: Bench, weights: UnpairedWeights) -> tuple[int, Columns]:
    """What the judge finds of the parts that were to be painted."""
    torch.manual_seed(bench.config.seed)
    travellers = Travellers(len(CLASSES), WIDTHS)
    game, batches = UnpairedGame(travellers, len(CLASSES), weights, 32), UnpairedBatches(bench.world, bench.config)
    return bench.train(game.players(), batches, lambda: found(travellers.picture, bench.count))


def return_home(bench: Bench, cycle: bool) -> tuple[int, Columns]:
    """The same with a cycle, or with critics alone."""
    return travel(bench, UnpairedWeights(cycle=10.0 if cycle else 0.0))


def recognise_patches(bench: Bench, patches: bool) -> tuple[int, Columns]:
    """The same with a contrast of patches, or with critics alone."""
    return travel(bench, UnpairedWeights(patches=1.0 if patches else 0.0))


class UnpairedBatches(StoredBatches[CachedWorld]):
    """Pictures, and maps of the parts of other avatars."""

    def __init__(self, world: CachedWorld, config: TrainingConfig) -> None:
        super().__init__(world, config)
        self.others = Order(len(world), config.batch_size, config.seed + 1)

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "pictures" and "parts"."""
        truth, others = (self.source.truth(order(step)[0]) for order in (self.order, self.others))
        return {"pictures": resize(truth.observation.image, SIZE), "parts": maps(others)}


def maps(truth: Truth) -> Tensor:
    """(B, 17, SIZE, SIZE): which part is where."""
    value = told(encoders()[PARTS], PARTS, "map", truth).value
    return functional.interpolate(value, (SIZE, SIZE), mode="nearest")


def found(painted: Callable[[Tensor], Images], count: int) -> Columns:
    """Mean IoU of each test picture, of the truth, and of the picture against the map of another."""
    columns = []
    for truth in first_truths(TEST, count):
        signal = modalities()[PARTS].signal.observe(truth, truth.record.seed)
        trial = examine(judges()[PARTS], signal, painted(maps(truth)), resize(truth.observation.image, SIZE))
        columns.append(torch.stack(trial.columns))
    return dict(zip(("made", "oracle", "shuffled"), torch.cat(columns, dim=1), strict=True))


def normalized(columns: Columns) -> Scalar:
    """0 = as good as for another map, 1 = as good as the truth."""
    made, oracle, shuffled = (columns[name].double().nanmean() for name in ("made", "oracle", "shuffled"))
    return (made - shuffled) / (oracle - shuffled)


# --- contrast with sentences: words to pictures ----------------------------------------------------------------------

NETWORK = stacked.Settings(
    ports={stacked.TEXT: 1.0},
    network=StackedSettings(channels=(128, 128, 64), stages=2),
    critics=CriticSettings(channels=(64, 96, 128), features=192),
    rules=StackedRules(augmentations=()),
)
CONTRAST = ContrastWeights(sentence=0.5, words=0.5)


def illustrate(bench: Bench, contrast: bool) -> tuple[int, Columns]:
    """Whether joint embedding B finds the sentence of each picture among 100."""
    settings = replace(NETWORK, rules=replace(NETWORK.rules, contrast=CONTRAST)) if contrast else NETWORK
    game = stacked.build(settings, bench.config.seed)
    batches = stacked.ToldBatches(bench.world, settings, bench.config)
    generator = StackedGenerator(game.networks)
    return bench.train(game.players(), batches, lambda: {"right": recognised(generator, bench.count)})


def recognised(generator: StackedGenerator, count: int) -> Tensor:
    """(count,) 1 where the own caption ranks first, 0 elsewhere."""
    people, joint = sitters(count), judge.joint()
    condition = stacked.tell_words(people.captions).condition
    spans = stacked.parts(count)
    made = [generator.finish(stacked.decided(generator, condition[span], span.start)) for span in spans]
    near = torch.cat([joint.image(some) for some in made]) @ joint.text(people.sentences).T
    return r_precision(near, people.false.T)


# --- all of them -----------------------------------------------------------------------------------------------------

ABLATIONS: Mapping[str, Ablation] = {
    "perceptual": Ablation(paint, lambda columns: columns["lpips_a"].double().mean(), torch.div),
    "cycle": Ablation(return_home, normalized, torch.sub),
    "patches": Ablation(recognise_patches, normalized, torch.sub),
    "contrastive": Ablation(illustrate, lambda columns: columns["right"].double().mean(), torch.sub),
}
"""By name; a ratio of distances, and differences of shares."""
