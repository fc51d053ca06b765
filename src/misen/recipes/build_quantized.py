"""Builds diffusion in the latents of an autoencoder with codes: ``python -m misen.recipes.build_quantized``.

Diffusion runs on latents before they are rounded. Where the autoencoder with codes has kept the encoder of the one that
a diffusion model was trained beside, its latents are the same, and so is the model: only what it makes is decoded by
way of codes. All parts but the autoencoder are stored once for both models.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from misen.codecs import shipped
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.quantized import VQAutoencoder
from misen.core.errors import ModelFileError
from misen.generators.diffusion import folder as files
from misen.nn import weights
from misen.recipes.shipping import rewritten

NAME, SOURCE = "avatars/diffusion-vq", "avatars/diffusion"


def main(name: str = NAME, source: str = SOURCE) -> None:
    """Write the model ``name``: the model ``source`` beside the shipped autoencoder with codes.

    Raises:
        NotFoundError: one of them does not ship.
        ModelFileError: they have different latents.
    """
    generator, autoencoder = files.load(weights.shipped(source)), shipped.quantized()
    older: Any = generator.autoencoder
    require_same_latents(autoencoder, older)
    generator.autoencoder, generator.card = autoencoder, card_of(name, source, generator.card)
    with rewritten(name) as target:
        files.save(generator, target)


def card_of(name: str, source: str, older: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of how the source was trained and is sampled, without its figures, which are not this model's."""
    kept = {key: value for key, value in older.items() if key not in ("name", "figures")}
    codec = weights.read_card(weights.shipped(shipped.QUANTIZED))
    return {"name": name, "source": source, **kept, "autoencoder": {"sha256": codec["sha256"]}}


def require_same_latents(quantized: VQAutoencoder, older: KLAutoencoder) -> None:
    """Refuse an autoencoder with codes whose latents are not those of ``older``."""
    expected = VQAutoencoder.beginning_as(older, quantized.config.quantizer)
    scaled_alike = quantized.config.scaling_factor == expected.config.scaling_factor
    if not (scaled_alike and _equal(quantized.encoder, expected.encoder)):
        raise ModelFileError(
            f"{shipped.QUANTIZED} has other latents than the model that is to be decoded with it",
            field="autoencoder",
            hint="train it with model.keep_latents from the autoencoder of that model",
        )


def _equal(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


if __name__ == "__main__":
    main()
