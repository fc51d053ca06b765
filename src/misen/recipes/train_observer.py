"""Observers: trained on every visible fact of the avatar world, graded on renders of its test range.

``python -m misen.recipes.train_observer a 1000`` prints the figures of the shipped observer A on 1000 renders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.perception import coach, judge
from misen.perception.figures import Figure
from misen.perception.grading import grade_observer
from misen.perception.objective import IMPORTANCE, observer_losses
from misen.perception.observer import Observer, observer_a, observer_b
from misen.perception.reading import Reading
from misen.perception.softening import soften
from misen.recipes.shipping import go_on, ship
from misen.scene.splits import TEST
from misen.scene.truth import Truth
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig

EXEMPLARS = 8
"""One picture of this many is also compared with its exemplar; enough for the identity head, and cheaper."""


@dataclass(frozen=True)
class Settings:
    """Which observer: "a" may steer, "b" only judges; and whether it goes on from the weights that ship."""

    side: Literal["a", "b"]
    go_on: bool = False


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies: the folder of a cache of TRAIN_A for side "a", of TRAIN_B for side "b"."""

    cache: str


class ObserverPlayer:
    """Learns to say what the world knows."""

    name = "observer"

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self.module: nn.Module = observer

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Tensor, Mapping[str, float]]:
        """The weighted sum of every head's loss, and each of them."""
        truth: Truth = batch["truth"]
        exemplars = truth.exemplar[: len(truth) // EXEMPLARS]
        both = self.observer(soften(torch.cat([truth.observation.image, exemplars])))
        losses = observer_losses(first(both, len(truth)), truth, both.identity[len(truth) :])
        total = sum((IMPORTANCE[name] * loss for name, loss in losses.items()), torch.zeros(()))
        return total, {name: loss.item() for name, loss in losses.items()}


def first(reading: Reading, count: int) -> Reading:
    """The reading of the first ``count`` pictures, without its pyramid."""
    heads = {f.name: getattr(reading, f.name)[:count] for f in fields(Reading) if f.name != "pyramid"}
    return Reading(**heads, pyramid=())


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the observer of one side, grade it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    torch.manual_seed(config.seed)
    player = ObserverPlayer({"a": observer_a, "b": observer_b}[settings.side]())
    if settings.go_on:
        go_on(player.module, config.name)
    batches = world.batches(config.batch_size, config.seed)
    trainer = Trainer([player], batches, config, folder=folder, callbacks=[Console(), JsonLines(folder / "log.jsonl")])
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        figures = {name: asdict(figure) for name, figure in evaluate(player.observer).items()}
        ship(player.module, config.name, config, outcome, {"data": asdict(world.manifest), "figures": figures})
    return outcome


def evaluate(observer: Observer, count: int = 500, look: Callable[[Tensor], Tensor] = torch.clone) -> dict[str, Figure]:
    """The figures of ``grade_observer`` on the first ``count`` renders of the test range, seen through ``look``."""
    return grade_observer(observer, first_truths(TEST, count), look)


def main(side: str, count: str = "1000") -> None:
    """Print the shipped observer's figures, on clean and on softened renders."""
    observer = {"a": coach, "b": judge}[side].observer()
    for name, figure in evaluate(observer, int(count)).items():
        sys.stdout.write(f"{name:28s} {figure}\n")
    for name, figure in evaluate(observer, int(count), soften).items():
        sys.stdout.write(f"softened {name:19s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
