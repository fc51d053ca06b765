"""Latent diffusion: pictures from noise, in the space of an autoencoder."""

from misen.core.registry import Family

FAMILY = Family(
    name="diffusion",
    package=__name__,
    summary="Removes noise from latents step by step; follows any subset of its guidances.",
    default_model="avatars/diffusion",
)
