"""The autoencoder: pictures to 16x16 latents and back, trained on the avatar world and measured on its test range.

``python -m misen.recipes.train_autoencoder 500`` prints the shipped autoencoder's figures on 500 renders, and with
``autoencoder-vq`` behind it those of the one that goes by way of codes, with ``tokens`` those of the one for models of
sequences.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.codecs import shipped
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.kinds import OurAutoencoder, latents_of
from misen.codecs.learning import AutoencoderGame, CodecLosses
from misen.codecs.quantized import VQAutoencoder
from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.metrics.fid import fid
from misen.metrics.grader import shipped_grader
from misen.metrics.reference import Reference
from misen.nn import weights
from misen.nn.distortion import psnr
from misen.nn.quantizer.census import occurrences, perplexity, usage
from misen.perception import coach, judge
from misen.perception.grading import grade_observer
from misen.recipes.batches import Data
from misen.recipes.shipping import go_on, ship
from misen.scene.splits import TEST
from misen.training import Console, Evaluation, JsonLines, Outcome, Trainer, TrainingConfig

Figures = Mapping[str, Mapping[str, float]]
"""Measured values by name, each with what belongs to it."""
CALIBRATION = 512
"""Pictures whose latents decide the scaling factor."""
WATCHED, MEASURED = 128, 500
"""Pictures whose reconstruction is followed during training, and those that the card's figures come from."""

OPENERS: Mapping[str, Callable[[], OurAutoencoder]] = {
    shipped.AUTOENCODER: shipped.autoencoder,
    shipped.QUANTIZED: shipped.quantized,
    shipped.TOKENS: lambda: shipped.quantized(weights.shipped(shipped.TOKENS)),
}
"""How each shipped autoencoder is opened, by its name."""


@dataclass(frozen=True)
class Settings:
    """What is trained.

    Attributes:
        architecture: arguments of the autoencoder that differ from its defaults.
        quantizer: what its latents are rounded by, a ``kind`` and that kind's options; they are Gaussian without one.
        start: the autoencoder without codes that one with codes begins as.
        losses: weights of the losses; no observer is needed where the perceptual one weighs nothing.
        go_on: start from the weights that ship; the critic begins anew.
        keep_latents: leave the encoder as it is, so that models of its latents stay valid while the decoder improves.
        judged: the card has figures of the judge as well, which must ship then.
    """

    architecture: dict[str, Any] = field(default_factory=dict)
    quantizer: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    losses: CodecLosses = field(default_factory=CodecLosses)
    go_on: bool = False
    keep_latents: bool = False
    judged: bool = False


def train(config: TrainingConfig, folder: Path, *, resume: bool = False, allow: Collection[str] = ()) -> Outcome:
    """Train the autoencoder, set its scaling factor, measure it and ship it as ``config.name``."""
    settings = config.section("model", Settings)
    world = CachedWorld(config.section("data", Data).cache)
    features = coach.observer().pyramid if settings.losses.perceptual else None
    torch.manual_seed(config.seed)
    game = AutoencoderGame(beginning(settings, config.name), settings.losses, features)
    model, held_out = game.autoencoder, test_pictures(WATCHED)
    model.encoder.requires_grad_(not settings.keep_latents)
    callbacks = [
        Console(),
        JsonLines(folder / "log.jsonl"),
        Evaluation(lambda step: {"psnr": fidelity(model, held_out).mean().item()}),
    ]
    batches = world.batches(config.batch_size, config.seed)
    trainer = Trainer(game.players(), batches, config, folder=folder, callbacks=callbacks)
    outcome = trainer.run(resume=resume, allow=allow)
    with trainer.averaged(), torch.no_grad():
        if not settings.keep_latents:
            model.register_to_config(scaling_factor=scaling_factor(model, test_pictures(CALIBRATION)))
        facts = {
            "architecture": shipped.architecture(model),
            "data": asdict(world.manifest),
            "figures": {**measure(model, MEASURED), **(judged(model, MEASURED) if settings.judged else {})},
        }
        ship(model, config.name, config, outcome, facts)
    return outcome


def beginning(settings: Settings, name: str) -> OurAutoencoder:
    """The autoencoder that ships as ``name``, one with codes that begins as another, or an untrained one."""
    if settings.go_on:
        model = untrained(weights.read_card(weights.shipped(name))["architecture"])
        go_on(model, name)
        return model
    if settings.start:
        older = shipped.autoencoder(weights.shipped(settings.start))
        begun: VQAutoencoder = VQAutoencoder.beginning_as(older, settings.quantizer)
        return begun
    return untrained(settings.architecture | ({"quantizer": settings.quantizer} if settings.quantizer else {}))


def untrained(architecture: Mapping[str, Any]) -> OurAutoencoder:
    """An autoencoder as a card describes it, with codes where there is a quantiser."""
    kind: Any = VQAutoencoder if "quantizer" in architecture else KLAutoencoder
    model: OurAutoencoder = kind(**architecture)
    return model


@torch.no_grad()
def scaling_factor(model: OurAutoencoder, pictures: Tensor) -> float:
    """One over the standard deviation of the latents of ``pictures``."""
    return float(1 / latents_of(model.encode(pictures)).std())


def test_pictures(count: int) -> Tensor:
    """The first pictures of the world's test range."""
    with torch.inference_mode(False):
        return torch.cat([truth.observation.image for truth in first_truths(TEST, count)])


@torch.no_grad()
def fidelity(reconstruct: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    """(B,) PSNR in dB of the reconstructions of ``pictures``."""
    return torch.cat([psnr(reconstruct(chunk), chunk) for chunk in pictures.split(32)])


def evaluate(reconstruct: Callable[[Tensor], Tensor], count: int) -> Figures:
    """PSNR on ``count`` test renders, with the 95 % interval of its mean."""
    values = fidelity(reconstruct, test_pictures(count))
    margin = 1.96 * values.std().item() / count**0.5
    mean = values.mean().item()
    return {"psnr": {"value": mean, "low": mean - margin, "high": mean + margin, "n": count}}


def measure(model: OurAutoencoder, count: int) -> Figures:
    """Fidelity on ``count`` test renders and, where there are codes, how they are used."""
    used = codebook(model, test_pictures(count)) if isinstance(model, VQAutoencoder) else {}
    return {**evaluate(model, count), **used}


@torch.no_grad()
def codebook(model: VQAutoencoder, pictures: Tensor) -> Figures:
    """How many codes pictures need, and how evenly."""
    chosen = [model.quantize(model.encode(chunk).latents).indices for chunk in pictures.split(32)]
    counts = occurrences(torch.cat(chosen), model.quantize.codes)
    size = {"codes": model.quantize.codes, "groups": model.quantize.groups, "n": len(pictures)}
    return {"usage": {"value": usage(counts), **size}, "perplexity": {"value": perplexity(counts), **size}}


def attributes_kept(reconstruct: Callable[[Tensor], Tensor], count: int) -> dict[str, float]:
    """The judge's figure of visible attributes on reconstructions over that on the renders themselves.

    The interval is that of the reconstructions; the figure of the renders, the oracle, is taken as exact.
    """
    observer = judge.observer()
    made, real = (
        grade_observer(observer, first_truths(TEST, count), look)["attributes"] for look in (reconstruct, torch.clone)
    )
    ends = {end: getattr(made, end) / real.value for end in ("value", "low", "high")}
    return {**ends, "oracle": real.value, "n": count}


def lines(figures: Figures) -> Iterator[str]:
    """Figures as lines of text."""
    for name, figure in figures.items():
        yield f"{name:16s} " + "  ".join(f"{key} {value:.4g}" for key, value in figure.items()) + "\n"


def judged(reconstruct: Callable[[Tensor], Tensor], count: int) -> Figures:
    """What the shipped judge still tells of reconstructions of ``count`` test renders, and their FID-A."""
    grader = shipped_grader()
    reference = Reference.load(weights.shipped("reference"), grader.name)
    with torch.no_grad():
        made = torch.cat([reconstruct(chunk).clamp(-1, 1) for chunk in test_pictures(count).split(32)])
    distance = asdict(fid(reference.moments, grader.survey(made).features))
    return {
        "attributes_kept": attributes_kept(reconstruct, count),
        "fid_a": {**distance, "real": reference.real_distance(count)},
    }


def main(count: str = "500", name: str = shipped.AUTOENCODER) -> None:
    """Print a shipped autoencoder's figures: its fidelity, how its codes are used, what the judge says.

    Args:
        count: of test renders.
        name: of the autoencoder.
    """
    model: OurAutoencoder = OPENERS[name]()
    number = int(count)
    sys.stdout.writelines(lines({**measure(model, number), **judged(model, number)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
