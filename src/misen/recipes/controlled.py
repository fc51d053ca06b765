"""Controlled studies: many small networks that differ in one thing, all trained and judged alike."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from misen.training import TrainingConfig

TRAINING = {"lr": 1e-3, "betas": (0.0, 0.99), "weight_decay": 0.0, "ema": 0.995, "checkpoint_minutes": 1.0}
"""Fields of every network's configuration."""


@dataclass(frozen=True)
class Extent:
    """How much is done.

    Attributes:
        steps: of training.
        batch_size: samples per step.
        minutes: of a processor's time, after which a run ends in any case; its row tells how many samples it saw.
        count: test pictures that are judged.
    """

    steps: int = 1500
    batch_size: int = 16
    minutes: float = 4.0
    count: int = 500


def configured(name: str, seed: int, extent: Extent) -> TrainingConfig:
    """How each network is trained."""
    chosen = {"steps": extent.steps, "max_minutes": extent.minutes, "batch_size": extent.batch_size, "seed": seed}
    return TrainingConfig.model_validate({"name": name, **chosen, **TRAINING})


def asked(
    program: str, description: str | None, arguments: Sequence[str] | None = None
) -> tuple[str, Path, int, Extent]:
    """The cache, the folder, which is made, the number of seeds and the extent that a command line names."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=description)
    parser.add_argument("cache", help="folder of the rendered world")
    parser.add_argument("folder", type=Path, help="where checkpoints and the journal go")
    parser.add_argument("--seeds", type=int, default=3, help="networks of each kind")
    for one in fields(Extent):
        parser.add_argument(f"--{one.name.replace('_', '-')}", type=type(one.default), default=one.default)
    given = vars(parser.parse_args(arguments))
    cache, folder, seeds = (given.pop(name) for name in ("cache", "folder", "seeds"))
    folder.mkdir(parents=True, exist_ok=True)
    return cache, folder, seeds, Extent(**given)
