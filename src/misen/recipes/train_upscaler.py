"""The upscaler: from 64 to 256 pixels, trained on the avatar world rendered at both, measured on its test range.

``python -m misen.recipes.train_upscaler 100`` prints the shipped upscaler's figures on 100 avatars.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.codecs import shipped
from misen.core.image import from_bytes, to_bytes
from misen.core.shapes import Images
from misen.data.pairs import CachedPairs, Pair, render_pair
from misen.generators.diffusion.upscaler.enlargement import Habits, Upscaler
from misen.generators.diffusion.upscaler.folder import describe, load
from misen.generators.diffusion.upscaler.network import NetworkSettings, UpscalingNetwork
from misen.generators.diffusion.upscaler.players import UpscalingPlayer, crop
from misen.generators.diffusion.upscaler.resolution import enlarge as interpolate
from misen.generators.diffusion.upscaler.resolution import shrink
from misen.metrics.grader import shipped_grader
from misen.metrics.lpips import Lpips
from misen.nn import weights
from misen.perception import coach
from misen.perception.figures import mean, ratio
from misen.recipes.batches import StoredBatches
from misen.recipes.shipping import go_on, ship
from misen.recipes.train_autoencoder import attributes_kept, lines
from misen.recipes.train_tiny_decoder import gflop
from misen.scene.splits import TEST
from misen.synthesis.enlarge import enlarge
from misen.training import Console, JsonLines, Outcome, Trainer, TrainingConfig, flushed_denormals

NAME = "avatars/upscaler"
MEASURED, CHUNK = 100, 10
"""Avatars that the card's figures come from, and how many are enlarged together."""
LOOKS = 3
"""Small pictures are renders, area averages of large ones, or what the autoencoder makes of renders."""
CROP = 64
"""Height and width of the crops that are compared, in pixels."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        network: size and shape.
        habits: how the upscaler is used afterwards.
        crop: height and width, in pixels of the small picture, of what is learned from at a time.
        perceptual: weight of the perceptual distance; no observer is needed where it is 0.
        go_on: start from the weights that ship.
    """

    network: NetworkSettings = field(default_factory=NetworkSettings)
    habits: Habits = field(default_factory=Habits)
    crop: int = 32
    perceptual: float = 0.3
    go_on: bool = False


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies: the folder of a cache of pairs."""

    cache: str


@flushed_denormals()
def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the upscaler, measure it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    pairs = CachedPairs(config.section("data", Data).cache)
    batches = PairBatches(pairs, through_codec(pairs), settings.crop, config)
    features = coach.observer().pyramid if settings.perceptual else None
    torch.manual_seed(config.seed)
    network = UpscalingNetwork(settings.network)
    if settings.go_on:
        go_on(network, config.name)
    player = UpscalingPlayer(network, features, settings.perceptual)
    callbacks = [Console(), JsonLines(folder / "log.jsonl")]
    trainer = Trainer([player], batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        small = pairs.manifest.size // network.settings.ratio
        facts = {
            **describe(network, small, settings.habits),
            "data": asdict(pairs.manifest),
            "figures": evaluate(Upscaler(network, small, settings.habits), MEASURED),
        }
        ship(network, config.name, config, outcome, facts)
    return outcome


# --- what is learned from --------------------------------------------------------------------------------------------


@torch.no_grad()
def through_codec(pairs: CachedPairs) -> Tensor:
    """(N, h, w, 3) bytes: what the shipped autoencoder makes of every small picture, with the artefacts it leaves."""
    codec = shipped.autoencoder()
    parts = (pairs.small(slice(start, start + 64)) for start in range(0, len(pairs), 64))
    with torch.autocast("cpu", torch.bfloat16):
        return torch.cat([to_bytes(codec(part)) for part in parts])


class PairBatches(StoredBatches[CachedPairs]):
    """Small pictures of three looks, each with a random crop of the large one."""

    def __init__(self, pairs: CachedPairs, decoded: Tensor, crop: int, config: TrainingConfig) -> None:
        """``decoded`` (N, h, w, 3) are the small pictures as bytes, seen through the autoencoder."""
        super().__init__(pairs, config)
        self.decoded, self.crop = decoded, crop

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "small", "large" and "corners"."""
        indices, _ = self.order(step)
        rng = self.chance(step, "crops")
        pair, count = self.source.pair(indices), len(indices)
        factor = pair.large.shape[-1] // pair.small.shape[-1]
        looks = [pair.small, shrink(pair.large, factor), from_bytes(self.decoded[indices])]
        small = torch.stack(looks)[torch.randint(LOOKS, (count,), generator=rng), torch.arange(count)]
        corners = torch.randint(pair.small.shape[-1] - self.crop + 1, (count, 2), generator=rng)
        return {"small": small, "large": crop(pair.large, factor * corners, factor * self.crop), "corners": corners}


# --- what is measured ------------------------------------------------------------------------------------------------


def evaluate(upscaler: Upscaler, count: int) -> Mapping[str, Mapping[str, float]]:
    """Figures by name, on the first ``count`` avatars of the test range.

    ``low_pass``: how far the shrunk enlargement is from what was given, root mean square; ``lpips_ratio``: LPIPS-A to
    the true render, on nine crops, over that of bicubic interpolation; ``attributes_kept``: the judge's figure on
    enlargements over that on small renders; ``cost``: seconds and billions of operations per picture.
    """
    figures = {**likeness(upscaler, count), "attributes_kept": attributes_kept(enlarger(upscaler), count)}
    return {**figures, "cost": cost(upscaler)}


@torch.no_grad()
def likeness(upscaler: Upscaler, count: int) -> dict[str, dict[str, float]]:
    """``low_pass`` and ``lpips_ratio`` with their intervals."""
    lpips, make = shipped_grader().lpips(), enlarger(upscaler)
    gaps, ours, bicubic = [], [], []
    for pair in test_pairs(upscaler.size, count):
        factor, made = upscaler.size // upscaler.small, make(pair.small)
        gaps.append((shrink(made, factor) - pair.small).square().mean(dim=(1, 2, 3)).sqrt())
        ours.append(distances(lpips, made, pair.large))
        bicubic.append(distances(lpips, interpolate(pair.small, factor).clamp(-1, 1), pair.large))
    closeness = ratio(torch.cat(ours)[:, None], torch.cat(bicubic)[:, None])
    return {"low_pass": asdict(mean(torch.cat(gaps))), "lpips_ratio": asdict(closeness)}


def enlarger(upscaler: Upscaler) -> Callable[[Images], Images]:
    """Enlarges pictures (B, 3, small, small), a few at a time; a picture's seed is its place in the batch."""

    def make(images: Images) -> Images:
        parts = zip(images.split(CHUNK), torch.arange(len(images)).split(CHUNK), strict=True)
        return torch.cat([enlarge(upscaler, part, seeds.tolist()) for part, seeds in parts])

    return make


def test_pairs(size: int, count: int) -> Iterator[Pair]:
    """The first avatars of the test range, as files hold their pictures."""
    for start in range(0, count, CHUNK):
        pair = render_pair(TEST.records(start, min(CHUNK, count - start)), size)
        yield Pair(*(from_bytes(to_bytes(images)) for images in (pair.small, pair.large)))


def distances(lpips: Lpips, first: Images, second: Images) -> Tensor:
    """(B,) mean distance over nine crops of pictures (B, 3, 256, 256)."""
    return torch.stack([lpips(a, b) for a, b in zip(nine(first), nine(second), strict=True)]).mean(dim=0)


def nine(images: Images) -> Iterator[Images]:
    """Nine crops of 64 pixels, evenly spread."""
    places = [(images.shape[-1] - CROP) * third // 2 for third in range(3)]
    for row, column in product(places, places):
        yield images[:, :, row : row + CROP, column : column + CROP]


def cost(upscaler: Upscaler, repeats: int = 5) -> dict[str, float]:
    """Seconds and billions of floating-point operations for one picture, on the threads there are."""
    picture = torch.zeros(1, 3, upscaler.small, upscaler.small)
    operations, began = gflop(lambda: enlarge(upscaler, picture, [0])), time.perf_counter()
    for seed in range(repeats):
        enlarge(upscaler, picture, [seed])
    return {"value": (time.perf_counter() - began) / repeats, "gflop": operations, "n": repeats}


def main(count: str = str(MEASURED)) -> None:
    """Print the shipped upscaler's figures."""
    sys.stdout.writelines(lines(evaluate(load(weights.shipped(NAME)), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
