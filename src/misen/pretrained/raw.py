"""Raw pictures: what a ControlNet is shown as it is, where it was trained on drawings of another kind than ours."""

from __future__ import annotations

from functools import cache

from misen.media.pictured import Pictured

RAW = "raw-"
"""Begins the names of what raw pictures guide, so that nothing but such a ControlNet takes them."""


class Raw(Pictured):
    """Pictures of any size that stand for signals of some modality; see :func:`raw`."""


@cache
def raw(modality: str) -> type[Raw]:
    """The class of raw pictures that guide in place of signals of a modality."""
    return type("Raw", (Raw,), {"modality": RAW + modality})
