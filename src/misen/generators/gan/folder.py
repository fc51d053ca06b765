"""Models as folders: one safetensors file, and a card that says of what kind the model is and how it is built.

A kind of generator is a line of a table; what it has to offer is ``Kept``. A style-based one may have an alignment with
other modalities in a folder inside its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from misen.core.errors import ModelFileError, closest
from misen.core.generator import Generator
from misen.generators.gan.alignment import folder as alignments
from misen.generators.gan.alignment.generator import AlignedGenerator
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.talking.generator import TalkingGenerator
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.nn import weights
from misen.nn.weights import read_card
from misen.perception.frozen import freeze


@runtime_checkable
class Kept(Generator, Protocol):
    """A generator that can be kept in a folder."""

    @property
    def kind(self) -> str:
        """Its line in the table."""
        ...

    @property
    def networks(self) -> nn.Module:
        """Everything that is trained."""
        ...

    @property
    def card(self) -> Mapping[str, Any]:
        """What is known of the model."""
        ...

    @property
    def architecture(self) -> Mapping[str, Any]:
        """What a builder needs."""
        ...


Build = Callable[[Mapping[str, Any], Mapping[str, Any]], Kept]
"""An architecture and a card -> a generator with untrained networks."""


def _style(architecture: Mapping[str, Any], card: Mapping[str, Any]) -> StyleGenerator:
    return StyleGenerator(StyleNetworks(StyleSettings(**architecture)), card)


KINDS: Mapping[str, Build] = {
    StyleGenerator.kind: _style,
    StackedGenerator.kind: StackedGenerator.build,
    TalkingGenerator.kind: TalkingGenerator.built,
    TranslationGenerator.kind: TranslationGenerator.built,
}
"""By the word in the card."""
FILES = ("format", "sha256")
"""What a card says of the file beside it, which is told anew when it is written."""


def save(generator: Kept, folder: Path) -> None:
    """Write a model in half precision; ``folder`` is made, and what it held is replaced."""
    sha256 = weights.save(generator.networks, folder, {**generator.card, **describe(generator)})
    if isinstance(generator, AlignedGenerator):
        alignments.save(generator, folder, sha256)


def describe(generator: Kept) -> dict[str, Any]:
    """What the card has to say, so that the model can be opened again."""
    return {"family": "gan", "kind": generator.kind, "architecture": dict(generator.architecture)}


def load(folder: Path, device: str = "cpu") -> Kept:
    """Open a folder that ``save`` wrote; its networks are frozen.

    Raises:
        NotFoundError: there is no model.
        ModelFileError: a file is malformed, altered, not finite, of another architecture, or of a newer format.
    """
    generator = load_bare(folder, device)
    if not isinstance(generator, StyleGenerator):
        return generator
    return alignments.install(generator, folder, read_card(folder)["sha256"], device)


def load_bare(folder: Path, device: str = "cpu") -> Kept:
    """The same without an alignment; raises the same."""
    generator = _built(read_card(folder), folder)
    freeze(generator.networks, folder).to(device)
    return generator


def _built(card: Mapping[str, Any], folder: Path) -> Kept:
    kind, facts = str(card.get("kind")), {name: value for name, value in card.items() if name not in FILES}
    if kind not in KINDS:
        message = f"the card of {folder.name} names no kind of model that is known here"
        raise ModelFileError(message, field=str(folder), hint=closest(kind, KINDS))
    try:
        with torch.random.fork_rng(devices=[]):
            return KINDS[kind](card["architecture"], facts)
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ModelFileError(f"the card of {folder.name} describes no {kind}: {error}", field=str(folder)) from error
