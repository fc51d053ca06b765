"""Models as folders: the network, its card, and in ``tokenizer_vq/`` the autoencoder that its tokens are of.

A kind of generator is a line of a table. Several models have the same tokens, and store them once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from misen.codecs.quantized import VQAutoencoder
from misen.core.errors import ModelFileError, closest
from misen.generators.autoregressive.generator import MaskedGenerator, RasterGenerator
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.network import NetworkSettings, TokenNetwork
from misen.generators.autoregressive.prefix import PortSettings
from misen.generators.autoregressive.raster import RasterNetwork
from misen.generators.autoregressive.tokenizer import Tokenizer
from misen.nn import weights
from misen.nn.description import read_json
from misen.nn.weights import read_card
from misen.perception.frozen import freeze

AnyGenerator = RasterGenerator | MaskedGenerator
KINDS: Mapping[str, tuple[type[TokenNetwork], Any]] = {
    RasterGenerator.kind: (RasterNetwork, RasterGenerator),
    MaskedGenerator.kind: (MaskedNetwork, MaskedGenerator),
}
"""Network and generator by the word in the card."""
FILES = ("format", "sha256")
"""What a card says of the file beside it, which is told anew when it is written."""
TOKENIZER, CONFIG, WEIGHTS = "tokenizer_vq", "config.json", "diffusion_pytorch_model.safetensors"


def save(generator: AnyGenerator, folder: Path) -> None:
    """Write a model in half precision; ``folder`` is made, and what it held is replaced."""
    autoencoder, path = generator.tokenizer.autoencoder, folder / TOKENIZER
    weights.write(autoencoder, path / WEIGHTS)
    autoencoder.save_config(path)
    digest = hashlib.sha256((path / WEIGHTS).read_bytes()).hexdigest()
    card = {**generator.card, **describe(generator), "tokenizer": {"sha256": digest}}
    weights.save(generator.network, folder, {name: value for name, value in card.items() if name not in FILES})


def describe(generator: AnyGenerator) -> dict[str, Any]:
    """What the card has to say, so that the model can be opened again."""
    return {"family": "autoregressive", "kind": generator.kind, "architecture": generator.architecture}


def load(folder: Path, device: str = "cpu") -> AnyGenerator:
    """Open a folder that ``save`` wrote; its networks are frozen.

    Raises:
        NotFoundError: there is no model, or a part of it is missing.
        ModelFileError: a file is malformed, altered, not finite, of another architecture, or of a newer format.
    """
    card = read_card(folder)
    kind = str(card.get("kind"))
    if kind not in KINDS:
        message = f"the card of {folder.name} names no kind of model that is known here"
        raise ModelFileError(message, field=str(folder), hint=closest(kind, KINDS))
    network, tokenizer = _network(card, folder), _tokenizer(card, folder)
    if network.settings.codes != tokenizer.codes or network.settings.stride != tokenizer.stride:
        raise ModelFileError(f"the network in {folder} was trained on other tokens", field=str(folder))
    tokenizer.autoencoder.to(device)
    facts = {name: value for name, value in card.items() if name not in FILES}
    generator: AnyGenerator = KINDS[kind][1](freeze(network, folder).to(device), tokenizer, facts)
    return generator


def _network(card: Mapping[str, Any], folder: Path) -> TokenNetwork:
    """The network that a card describes, its weights still random."""
    kind = str(card["kind"])
    try:
        settings = NetworkSettings(**card["architecture"]["network"])
        table = [PortSettings(name, **port) for name, port in card["architecture"]["ports"].items()]
        with torch.random.fork_rng(devices=[]):
            return KINDS[kind][0](settings, table)
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ModelFileError(f"the card of {folder.name} describes no {kind}: {error}", field=str(folder)) from error


def _tokenizer(card: Mapping[str, Any], folder: Path) -> Tokenizer:
    """The autoencoder beside the network, frozen."""
    path, recorded = folder / TOKENIZER, card.get("tokenizer")
    config = read_json(path / CONFIG)
    try:
        with torch.random.fork_rng(devices=[]):
            autoencoder: VQAutoencoder = VQAutoencoder.from_config(config)
    except Exception as error:  # networks raise nearly anything when their configuration makes no sense
        message = f"{path / CONFIG} describes no {VQAutoencoder.__name__}: {error}"
        raise ModelFileError(message, field=str(folder), hint="install the model again") from error
    weights.fill(autoencoder, path / WEIGHTS, recorded.get("sha256") if isinstance(recorded, dict) else None)
    return Tokenizer(autoencoder.requires_grad_(False).eval())
