"""LoRA for foreign models: under which names a file may hold factors of the layers of their networks.

Source: Hu et al. 2021 (arXiv:2106.09685), equation 3; deviation: merged into the weights once, when a model is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from misen.core.errors import ModelFileError
from misen.generators.diffusion import lora
from misen.generators.diffusion.lora import ALPHA, SPELLINGS, Factors

ROOT = "text_model."
"""Begins the names of a text encoder's layers, or does not: libraries have changed their minds."""
FLAT: Mapping[str, tuple[str, ...]] = {
    "unet": ("lora_unet_",),
    "text_encoder": ("lora_te_text_model_", "lora_te1_text_model_"),
    "text_encoder_2": ("lora_te2_text_model_",),
}
"""How names begin that have no dots, as most trainers besides diffusers write them."""
HINT = (
    "take one that was tuned on this version of Stable Diffusion; those of other kinds (LoHa, LoKr, DoRA), and for XL "
    "those that are not written by diffusers, are not read"
)

SETTINGS = "lora_adapter_metadata"
"""The entry of a file's metadata in which diffusers writes how the factors were trained."""
UNREAD = ("alpha_pattern", "use_dora", "use_rslora")
"""Settings of peft under which a product counts otherwise."""


def read(file: Path) -> Factors:
    """The factors in a file, with the alpha that its metadata state, if they do.

    Raises:
        ModelFileError: it is malformed, or was trained with settings that are not known here.
    """
    factors, settings = lora.read(file), _settings(file)
    if unread := [name for name, value in settings.items() if name.endswith(UNREAD) and value]:
        raise ModelFileError(
            f"{file} was trained with {', '.join(unread)}, which is not known here", field="adapter", hint=HINT
        )
    alphas = {}
    for name in factors:
        part, down = name.partition(".")[0], next((end for end, _ in SPELLINGS if name.endswith(end)), None)
        if down is not None and f"{part}.lora_alpha" in settings:
            alphas[name.removesuffix(down) + ALPHA] = torch.tensor(float(settings[f"{part}.lora_alpha"]))
    return {**alphas, **factors}


def _settings(file: Path) -> dict[str, Any]:
    """What the metadata of a file say, by network and name."""
    with safe_open(file, "pt") as stored:
        text = (stored.metadata() or {}).get(SETTINGS, "{}")
    try:
        return dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the metadata of {file} are not JSON", field="adapter", hint=HINT) from error


def merge(parts: Mapping[str, Any], factors: Factors, strength: float) -> None:
    """Add ``strength`` times the products of factors to the networks among the parts of a model.

    Raises:
        ModelFileError: the factors are of other networks; nothing has changed then.
    """
    named = {
        stem: layer
        for part in FLAT
        if part in parts
        for name, layer in lora.layers(parts[part])
        for stem in _stems(part, name)
    }
    try:
        lora.merge_layers(named, factors, strength)
    except ModelFileError as error:
        raise ModelFileError(error.message, field="adapter", hint=HINT) from error


def _stems(part: str, name: str) -> Iterator[str]:
    """What factors of a layer may be called, before their own endings."""
    bare = name.removeprefix(ROOT)
    yield f"{part}.{bare}"
    yield f"{part}.{ROOT}{bare}"
    for start in FLAT[part]:
        yield start + bare.replace(".", "_")
