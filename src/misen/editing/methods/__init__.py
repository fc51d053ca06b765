"""Ways to change a picture, by name; light enough to be read without importing torch.

A method is one module here. Its class has one field per option, and says what it needs, what it holds on to during the
walk, and where the walk begins; see :mod:`misen.editing.methods.method`.
"""

from __future__ import annotations

from collections.abc import Mapping

AUTO = "auto"
"""Stands for the plain method: ``inpaint`` where there is a mask, else ``sdedit``."""

METHODS: Mapping[str, str] = {
    "sdedit": "SDEdit",
    "inpaint": "Inpaint",
    "ilvr": "ILVR",
    "sine": "SINE",
    "imagic": "Imagic",
    "diffusionclip": "DiffusionCLIP",
    "invert": "Invert",
    "null-text": "NullText",
    "prompt-to-prompt": "PromptToPrompt",
    "variation": "Variation",
    "interpolate": "Interpolate",
    "text-difference": "TextDifference",
    "styleclip": "StyleCLIP",
    "styleclip-mapper": "StyleCLIPMapper",
    "styleclip-direction": "StyleCLIPDirection",
    "drag": "Drag",
    "tedigan": "TediGAN",
}
"""The name of each method, and of its class in the module of the method's name (hyphens become underscores)."""
