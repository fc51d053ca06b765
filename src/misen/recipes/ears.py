"""What all networks that hear are trained by: the world's speech, of one side for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from misen.core.generator import Player
from misen.data.speech import CachedSpeech
from misen.perception.figures import Figure
from misen.recipes.shipping import ship
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig

MEASURED = 200
"""Utterances of the test range behind the figures of a card."""


@dataclass(frozen=True)
class Settings:
    """Whose ears: "a" may steer and encodes sounds for every generator, "b" only judges."""

    side: Literal["a", "b"]


@dataclass(frozen=True)
class Data:
    """Where the speech lies: the folder of a cache of TRAIN_A for side "a", of TRAIN_B for side "b"."""

    cache: str


def teach(
    networks: Mapping[str, Callable[[], nn.Module]],
    player: Callable[[Any], Player],
    evaluate: Callable[[Any, int], Mapping[str, Figure]],
    config: TrainingConfig,
    folder: Path,
    *,
    resume: bool,
    allow: Collection[str],
) -> Outcome:
    """Train one side's network, grade it on utterances of the test range, and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    speech = CachedSpeech(config.section("data", Data).cache)
    torch.manual_seed(config.seed)
    network = networks[settings.side]()
    batches = speech.batches(config.batch_size, config.seed)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer([player(network)], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged():
        figures = {name: asdict(figure) for name, figure in evaluate(network, MEASURED).items()}
        ship(network, config.name, config, outcome, {"data": asdict(speech.manifest), "figures": figures})
    return outcome
