"""An alignment lies inside the folder of its generator, and fits no other weights than those it was learned with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from misen.core.errors import ModelFileError
from misen.generators.gan.alignment.generator import AlignedGenerator
from misen.generators.gan.alignment.network import AlignedPort, Alignment
from misen.generators.gan.alignment.readers import AlignmentSettings
from misen.generators.gan.generator import StyleGenerator
from misen.nn import weights
from misen.nn.description import CARD
from misen.nn.weights import read_card
from misen.perception.frozen import freeze

ALIGNMENT = "alignment"
"""Name of that folder, and of what lies there."""


def save(generator: AlignedGenerator, folder: Path, sha256: str) -> None:
    """Write the alignment of a generator, whose own weights lie in ``folder`` and have that digest."""
    alignment = generator.alignment
    weights.save(alignment, folder / ALIGNMENT, {**generator.facts, **describe(alignment, sha256)})


def describe(alignment: Alignment, sha256: str) -> dict[str, Any]:
    """What the card has to say, so that the alignment can be opened again; ``sha256`` is that of the generator."""
    return {"kind": ALIGNMENT, "base": {"sha256": sha256}, "architecture": alignment.architecture}


def install(generator: StyleGenerator, folder: Path, sha256: str, device: str) -> StyleGenerator:
    """The generator with the alignment that lies in its folder, or as it is where there is none.

    Args:
        generator: as opened.
        folder: where it lies.
        sha256: of its weights.
        device: where its networks are.

    Raises:
        ModelFileError: the alignment was learned with other weights, or its files must not be opened.
    """
    inside = folder / ALIGNMENT
    if not (inside / CARD).is_file():
        return generator
    card = read_card(inside)
    _require_base(card, sha256, inside)
    alignment = freeze(_described(card, generator, inside), inside).to(device)
    facts = {name: value for name, value in card.items() if name not in ("format", "sha256")}
    return AlignedGenerator(generator.networks, alignment, generator.card, facts)


def built(
    generator: StyleGenerator, settings: AlignmentSettings, ports: Mapping[str, Mapping[str, Any]]
) -> Alignment:
    """Untrained experts of a generator, for ports by name, each with its layout and width."""
    table = [AlignedPort(name, **line) for name, line in ports.items()]
    layers, width = generator.shape
    return Alignment(settings, table, size=generator.size, layers=layers, width=width)


def _described(card: Mapping[str, Any], generator: StyleGenerator, folder: Path) -> Alignment:
    try:
        with torch.random.fork_rng(devices=[]):
            architecture = card["architecture"]
            return built(generator, AlignmentSettings(**architecture["settings"]), architecture["ports"])
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, AttributeError) as error:
        raise ModelFileError(f"the card of {folder} describes no {ALIGNMENT}: {error}", field=str(folder)) from error


def _require_base(card: Mapping[str, Any], sha256: str, folder: Path) -> None:
    """Refuse an alignment with latents that mean something else by now."""
    if card.get("base") != {"sha256": sha256}:
        message = f"{folder} was learned with other weights of the generator beside it"
        raise ModelFileError(message, field=str(folder), hint="train it again, or take the folder away")
