"""Quantisers by the names that configurations give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from misen.core.registry import lookup
from misen.nn.quantizer.interface import Quantizer
from misen.nn.quantizer.linear import LinearQuantizer
from misen.nn.quantizer.nearest import EmaQuantizer

KINDS: Mapping[str, Callable[..., Quantizer]] = {"ema": EmaQuantizer, "simvq": LinearQuantizer}
"""Each takes the channels of its maps, and options of its own."""


def build(settings: Mapping[str, Any], channels: int) -> Quantizer:
    """The quantiser that settings describe: its ``kind``, and options of that kind.

    Raises:
        NotFoundError: there is no such kind.
    """
    options = {name: value for name, value in settings.items() if name != "kind"}
    return KINDS[lookup("quantizer", str(settings.get("kind")), KINDS)](channels, **options)
