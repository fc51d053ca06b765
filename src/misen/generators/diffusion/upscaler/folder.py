"""An upscaler as a folder: one safetensors file, and a card that says what network it belongs to and how it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from misen.core.errors import ModelFileError
from misen.generators.diffusion.upscaler.enlargement import Habits, Upscaler
from misen.generators.diffusion.upscaler.network import NetworkSettings, UpscalingNetwork
from misen.nn.weights import read_card
from misen.perception.frozen import freeze


def describe(network: UpscalingNetwork, small: int, habits: Habits) -> Mapping[str, Any]:
    """What the card records beside the weights of ``network``, so that the upscaler can be opened again."""
    return {"small": small, "architecture": asdict(network.settings), "habits": asdict(habits)}


def load(folder: Path, device: str = "cpu") -> Upscaler:
    """The upscaler in ``folder``, its network frozen.

    Raises:
        NotFoundError: there is none.
        ModelFileError: a file is malformed, altered, not finite, of another architecture, or of a newer format.
    """
    card = read_card(folder)
    try:
        network, habits = UpscalingNetwork(NetworkSettings(**card["architecture"])), Habits(**card["habits"])
        small = int(card["small"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"the card of {folder.name} describes no upscaler: {error}", field=str(folder)) from error
    return Upscaler(freeze(network, folder).to(device), small, habits)
