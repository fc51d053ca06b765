"""The autoencoders that latent diffusion works beside, ours and diffusers', and what they answer alike."""

from __future__ import annotations

from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.vq_model import VQModel
from torch import Tensor

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.quantized import VQAutoencoder
from misen.core.shapes import Maps

OurAutoencoder = KLAutoencoder | VQAutoencoder
Autoencoder = OurAutoencoder | AutoencoderKL | VQModel


def latents_of(encoded: Any) -> Maps:
    """What an autoencoder's answer says of latents without chance: themselves, or the mode of their distribution."""
    latents: Tensor = encoded.latents if "latents" in encoded else encoded.latent_dist.mode()
    return latents
