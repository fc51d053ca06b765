"""Autoregressive models: a picture as tokens, decided one after another or the surest first."""

from misen.core.registry import Family

FAMILY = Family(
    name="autoregressive",
    package=__name__,
    summary="Makes a picture of tokens, decided one after another or several at once, the surest first.",
    default_model="avatars/autoregressive",
)
