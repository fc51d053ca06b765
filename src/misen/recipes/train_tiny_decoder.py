"""The tiny decoder: distilled from the shipped autoencoder, measured beside it.

``python -m misen.recipes.train_tiny_decoder 500`` prints the shipped decoder's figures on 500 renders.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from misen.codecs import shipped
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.learning import TinyPlayer
from misen.codecs.tiny import TinyDecoder
from misen.data.cache import CachedWorld
from misen.perception import coach
from misen.recipes.batches import Data
from misen.recipes.shipping import go_on, ship
from misen.recipes.train_autoencoder import MEASURED, Figures, evaluate, lines
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        architecture: arguments of ``TinyDecoder`` that differ from its defaults.
        perceptual: weight of the perceptual distance; no observer is needed where it is 0.
        noise: largest noise added to latents, relative to their standard deviation.
        go_on: start from the weights that ship.
    """

    architecture: dict[str, Any] = field(default_factory=dict)
    perceptual: float = 0.3
    noise: float = 0.1
    go_on: bool = False


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the tiny decoder, measure it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    torch.manual_seed(config.seed)
    large, tiny = shipped.autoencoder(), TinyDecoder(**settings.architecture)
    if settings.go_on:
        go_on(tiny, config.name)
    features = coach.observer().pyramid if settings.perceptual else None
    player = TinyPlayer(tiny, large, features, settings.perceptual, settings.noise)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    batches = world.batches(config.batch_size, config.seed)
    trainer = Trainer(player.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        facts = {
            "architecture": shipped.architecture(tiny),
            "data": asdict(world.manifest),
            "figures": compare(large, tiny, MEASURED),
        }
        ship(tiny, config.name, config, outcome, facts)
    return outcome


def compare(large: KLAutoencoder, tiny: TinyDecoder, count: int) -> Figures:
    """PSNR of the tiny decoder and of the large one on ``count`` test renders, and their GFLOP per picture."""

    def reconstruct(image: Tensor) -> Tensor:
        shown: Tensor = tiny(large.encode(image).latent_dist.mode())
        return shown

    latents = torch.zeros(1, *large.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mode().shape[1:])
    return {
        "psnr": evaluate(reconstruct, count)["psnr"],
        "psnr_large": evaluate(large, count)["psnr"],
        "cost": {"gflop": gflop(lambda: tiny(latents)), "gflop_large": gflop(lambda: large.decode(latents))},
    }


def gflop(call: Callable[[], object]) -> float:
    """Floating-point operations of a call, in billions."""
    with FlopCounterMode(display=False) as counter:
        call()
    return float(counter.get_total_flops()) / 1e9


def main(count: str = "500") -> None:
    """Print the shipped decoder's figures."""
    with torch.no_grad():
        sys.stdout.writelines(lines(compare(shipped.autoencoder(), shipped.tiny_decoder(), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
