"""Generative adversarial networks: a picture in one pass, from a latent that can be walked."""

from misen.core.registry import Family

FAMILY = Family(
    name="gan",
    package=__name__,
    summary="Makes a picture in one pass from a latent; walks among latents only when something guides it.",
    default_model="avatars/gan",
)
