"""The codecs that ship: rebuilt from the configuration in their card, filled with verified weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.kinds import OurAutoencoder
from misen.codecs.quantized import VQAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.nn.weights import read_card, shipped
from misen.perception.frozen import freeze

AUTOENCODER, QUANTIZED, TINY, TOKENS = "autoencoder", "autoencoder-vq", "tiny", "tokens"


def autoencoder(folder: Path | None = None) -> KLAutoencoder:
    """The autoencoder in ``folder``, by default the shipped one, frozen."""
    folder = folder or shipped(AUTOENCODER)
    model: KLAutoencoder = freeze(KLAutoencoder(**read_card(folder)["architecture"]), folder)
    return model


def quantized(folder: Path | None = None) -> VQAutoencoder:
    """The autoencoder with codes in ``folder``, by default the shipped one, frozen."""
    folder = folder or shipped(QUANTIZED)
    model: VQAutoencoder = freeze(VQAutoencoder(**read_card(folder)["architecture"]), folder)
    return model


def tiny_decoder(folder: Path | None = None) -> TinyDecoder:
    """The tiny decoder in ``folder``, by default the shipped one, frozen."""
    folder = folder or shipped(TINY)
    model: TinyDecoder = freeze(TinyDecoder(**read_card(folder)["architecture"]), folder)
    return model


def architecture(model: OurAutoencoder | TinyDecoder) -> Mapping[str, Any]:
    """What a card records, so that the model can be rebuilt."""
    return {key: value for key, value in model.config.items() if not key.startswith("_")}
