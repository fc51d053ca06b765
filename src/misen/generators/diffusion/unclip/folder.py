"""What a folder of diffusers holds beside the decoder: ``joint/``, the embedding, and ``prior/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from misen.core.errors import ModelFileError
from misen.generators.diffusion.unclip.autoregressive_prior import AutoregressivePrior
from misen.generators.diffusion.unclip.diffusion_prior import DiffusionPrior
from misen.generators.diffusion.unclip.generator import UnclipGenerator
from misen.generators.diffusion.unclip.prior import PriorSettings
from misen.nn.description import read_json, write_json
from misen.nn.weights import fill, read_card, write
from misen.perception.frozen import freeze
from misen.perception.joint import JointEmbedding, joint_a

PRIOR, JOINT = "prior", "joint"
WEIGHTS, CONFIG = "diffusion_pytorch_model.safetensors", "config.json"
PRIORS: Mapping[str, type[DiffusionPrior | AutoregressivePrior]] = {
    kind.form: kind for kind in (DiffusionPrior, AutoregressivePrior)
}
"""Kinds of priors by their form."""


def describe(prior: Any) -> dict[str, Any]:
    """Form and size of a prior, from which ``build`` makes one like it."""
    return {"form": prior.form, **asdict(prior.settings)}


def build(description: Mapping[str, Any], where: Path) -> DiffusionPrior | AutoregressivePrior:
    """An untrained prior; raises ``ModelFileError`` when ``where`` describes none."""
    sizes = {name: value for name, value in description.items() if name != "form"}
    try:
        with torch.random.fork_rng(devices=[]):
            return PRIORS[description["form"]](PriorSettings(**sizes))
    except (KeyError, TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ModelFileError(f"{where} describes no prior: {error}", field=str(where)) from error


def load_prior(folder: Path) -> DiffusionPrior | AutoregressivePrior:
    """A prior that was trained by itself, frozen; raises as ``weights.load`` does."""
    card = read_card(folder)
    return freeze(build(card.get("architecture", {}), folder), folder)


def save(generator: UnclipGenerator, folder: Path) -> None:
    """Write embedding and prior in half precision."""
    write(generator.joint, folder / JOINT / WEIGHTS)
    prior: Any = generator.prior
    write(prior, folder / PRIOR / WEIGHTS)
    write_json(folder / PRIOR / CONFIG, describe(prior))


def load(
    folder: Path, digests: Mapping[str, str], device: str
) -> tuple[JointEmbedding, DiffusionPrior | AutoregressivePrior]:
    """Embedding and prior of a folder that ``save`` wrote, frozen.

    Raises:
        NotFoundError: a file is missing.
        ModelFileError: a file is malformed, altered, not finite, or of another architecture.
    """
    config = folder / PRIOR / CONFIG
    with torch.random.fork_rng(devices=[]):
        joint, prior = joint_a(), build(read_json(config), config)
    for name, network in ((JOINT, joint), (PRIOR, prior)):
        _fill(network, folder, f"{name}/{WEIGHTS}", digests)
    return joint.to(device), prior.to(device)


def _fill(network: nn.Module, folder: Path, name: str, digests: Mapping[str, str]) -> None:
    fill(network, folder / name, digests.get(name))
    network.requires_grad_(False).eval()
