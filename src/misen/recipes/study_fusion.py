"""A controlled study: SPADE against concatenation at equal parameters, steps and losses, over several seeds.

``python -m misen.recipes.study_fusion out/world/train-a out/study/fusion`` trains networks of 32 pixels that are told
of parts alone, and prints how well the judge finds the parts again, whether features in the middle of a network still
tell one flat map from another, and how far SPADE is ahead. Run again after an interruption, it does what is missing.

Source: Park et al. 2019 (arXiv:1903.07291), section 3.1, for the argument that is tested with flat maps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from misen.assembly import encoders, judges
from misen.core.condition import Condition
from misen.core.image import resize
from misen.core.registry import modalities
from misen.core.seeding import Streams
from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.generators.gan.translation.network import Fusion, NetworkSettings, TranslationNetwork
from misen.generators.gan.translation.players import CriticSettings, TranslationGame, Weights
from misen.metrics.alignment import Trial, adherence, examine
from misen.metrics.linear_probe import told_apart
from misen.metrics.rows import Row, Work
from misen.perception import coach
from misen.perception.figures import Figure, bootstrapped, mean
from misen.recipes.controlled import TRAINING, Extent, asked, configured
from misen.recipes.train_tiny_decoder import gflop
from misen.recipes.train_translation import PARTS, Entrance, TranslationBatches, build, table, told
from misen.scene.anatomy import CLASSES
from misen.scene.splits import TEST
from misen.training import Console, Trainer, flushed_denormals

FUSIONS: tuple[Fusion, ...] = get_args(Fusion)
NETWORK = NetworkSettings(widths=(128, 96, 56), hidden=32, field=32, style=32)
CRITIC = CriticSettings(field=16, width=32, scales=2)
PORTS = {PARTS: Entrance("map", 1.0)}
STYLES = 32
"""Random styles in which each flat map is painted for a probe; it is fitted to half of them."""


@dataclass(frozen=True)
class Run:
    """What came of one network.

    Attributes:
        fusion: how it takes maps in.
        seed: of its training.
        parameters: how many it learned.
        gflop: billions of operations for one picture.
        samples: it was trained on.
        trial: what the judge says of pictures of the test range.
        probed: whether each flat map was told by a probe of the features in its middle.
    """

    fusion: Fusion
    seed: int
    parameters: int
    gflop: float
    samples: int
    trial: Trial
    probed: Tensor

    def row(self) -> Row:
        """The same as JSON values."""
        plain = {name: getattr(self, name) for name in ("fusion", "seed", "parameters", "gflop", "samples")}
        return {**plain, "trial": [column.tolist() for column in self.trial.columns], "probed": self.probed.tolist()}

    @classmethod
    def of(cls, row: Row) -> Run:
        """Inverts ``row``."""
        trial = Trial(*(torch.tensor(column, dtype=torch.float64) for column in row["trial"]))
        return cls(**{**row, "trial": trial, "probed": torch.tensor(row["probed"])})


def study(cache: str, folder: Path, seeds: int, extent: Extent) -> list[Run]:
    """Train and judge one network per fusion and seed; those in the journal of ``folder`` are not trained again."""
    runs = list(product(FUSIONS, range(seeds)))
    settings = {"network": str(NETWORK), "training": str(TRAINING), "extent": str(extent)}
    about = {"of": "fusion", "world": CachedWorld(cache).fingerprint, **settings}

    def measure(item: int) -> Row:
        fusion, seed = runs[item]
        return trained(cache, folder / f"{fusion}-{seed}", fusion, seed, extent).row()

    rows = Work(journal=folder / "runs.jsonl").rows(measure, len(runs), about)
    return [Run.of(row) for row in rows]


@flushed_denormals()
def trained(cache: str, folder: Path, fusion: Fusion, seed: int, extent: Extent) -> Run:
    """Train one network and judge it."""
    config = configured(f"{fusion}-{seed}", seed, extent)
    settings = replace(NETWORK, fusion=fusion)
    features = coach.observer().pyramid  # before anything is drawn, since a network draws when it is first opened
    network = build(settings, table(PORTS), seed)
    game = TranslationGame(network, features, Weights(), CRITIC)
    batches = TranslationBatches(CachedWorld(cache), network, PORTS, config)
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=[Console()], clock=time.process_time)
    outcome = trainer.run(resume=True)
    with trainer.averaged(), torch.no_grad():
        return Run(
            fusion=fusion,
            seed=seed,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            gflop=gflop(lambda: network(flat_maps(1, settings.size), torch.zeros(1, settings.style))),
            samples=outcome.samples,
            trial=judged(network, extent.count),
            probed=probed(network, seed),
        )


# --- what is measured ------------------------------------------------------------------------------------------------


def judged(network: TranslationNetwork, count: int) -> Trial:
    """What the judge says of pictures painted after the parts of ``count`` test renders, and of these at their size."""
    trials = []
    for truth in first_truths(TEST, count):
        noise = Streams(truth.record.seed.tolist()).normal(network.settings.style)
        made = network({PARTS: told(encoders()[PARTS], PARTS, "map", truth)}, noise)
        signal = modalities()[PARTS].signal.observe(truth, truth.record.seed)
        true = resize(truth.observation.image, network.settings.size)
        trials.append(examine(judges()[PARTS], signal, made, true))
    return Trial.cat(trials)


def probed(network: TranslationNetwork, seed: int) -> Tensor:
    """(17 * STYLES / 2,) whether a linear probe tells which part a map is full of, from the features in the middle.

    Each of 17 flat maps is painted in random styles; the probe sees the mean of each channel over the picture.
    """
    noise = Streams(range(STYLES), f"probe/{seed}").normal(network.settings.style)
    maps = flat_maps(len(CLASSES), network.settings.size)
    labels, styles = torch.arange(len(CLASSES)).repeat(STYLES), noise.repeat_interleave(len(CLASSES), 0)
    field = network.field({PARTS: maps[PARTS][labels]}, len(labels))[0]
    stages = list(network.decoder.stages(styles, field))  # type: ignore[operator]
    features, half = stages[len(stages) // 2].mean(dim=(2, 3)), len(labels) // 2
    return told_apart(features[:half], labels[:half], features[half:], labels[half:])


def flat_maps(count: int, size: int) -> Mapping[str, Condition]:
    """Conditions of ``count`` maps of ``size`` pixels, each full of one part, in the order of the parts."""
    value = torch.eye(len(CLASSES))[:count, :, None, None].expand(-1, -1, size, size)
    return {PARTS: Condition.full("map", value)}


def figures(runs: Sequence[Run]) -> dict[str, Figure]:
    """By name: normalized mean IoU and probe of each fusion over its seeds, and how far SPADE is ahead.

    The interval of the difference resamples pictures and seeds, each picture and each seed being the same for both.
    """
    found = {}
    for fusion in FUSIONS:
        own = [run for run in runs if run.fusion == fusion]
        found[f"{fusion}: mean IoU, normalized"] = adherence(Trial.cat([run.trial for run in own]))
        found[f"{fusion}: flat maps told apart"] = mean(torch.cat([run.probed for run in own]).double())
    return {**found, "difference": difference(runs)}


def difference(runs: Sequence[Run]) -> Figure:
    """How much larger SPADE's normalized mean IoU is, averaged over seeds."""
    ahead, behind = ([run.trial for run in runs if run.fusion == fusion] for fusion in FUSIONS)

    def statistic(items: Tensor) -> Tensor:
        seeds = items[: len(ahead)] % len(ahead)  # all of them in order, or as many at random as pictures are
        pairs = [(ahead[seed][items], behind[seed][items]) for seed in seeds.tolist()]
        return torch.stack([one.normalized() - other.normalized() for one, other in pairs]).mean()

    return bootstrapped(statistic, len(ahead[0]))


def lines(runs: Sequence[Run]) -> Iterator[str]:
    """What each run cost, and every figure, as lines of text."""
    for run in runs:
        cost = f"{run.parameters:,} parameters  {run.gflop:.3f} GFLOP  {run.samples:,} samples"
        yield f"{run.fusion} {run.seed}  {cost}  mean IoU, normalized {float(run.trial.normalized()):.3f}\n"
    for name, figure in figures(runs).items():
        yield f"{name:28s} {figure}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, do what is missing, and print."""
    sys.stdout.writelines(lines(study(*asked("misen.recipes.study_fusion", __doc__, arguments))))


if __name__ == "__main__":
    main()
