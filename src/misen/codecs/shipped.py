"""The codecs that ship: rebuilt from the configuration in their card, filled with verified weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.nn.weights import load, read_card, shipped

AUTOENCODER, TINY = "autoencoder", "tiny"


def autoencoder(folder: Path | None = None) -> KLAutoencoder:
    """The autoencoder in ``folder``, by default the shipped one, frozen."""
    folder = folder or shipped(AUTOENCODER)
    return _frozen(KLAutoencoder(**read_card(folder)["architecture"]), folder)


def tiny_decoder(folder: Path | None = None) -> TinyDecoder:
    """The tiny decoder in ``folder``, by default the shipped one, frozen."""
    folder = folder or shipped(TINY)
    return _frozen(TinyDecoder(**read_card(folder)["architecture"]), folder)


def architecture(model: KLAutoencoder | TinyDecoder) -> Mapping[str, Any]:
    """What a card records, so that the model can be rebuilt."""
    return {key: value for key, value in model.config.items() if not key.startswith("_")}


def _frozen(model: Any, folder: Path) -> Any:
    load(model, folder)
    return model.requires_grad_(False).eval()
