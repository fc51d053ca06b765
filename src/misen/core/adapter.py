"""Adapters: what other people trained to be added to a finished generator, as a caller asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from misen.core.guidance import WHOLE, check_extent


@dataclass(frozen=True)
class Adapter:
    """A file or folder that adds to a model: a ControlNet, a LoRA or a learned word, and how it should act.

    Attributes:
        path: where it lies, or its id on a hub.
        modality: what guides through it; for a ControlNet alone.
        strength: multiplies what it adds; 1 is its own, 0 is nothing.
        window: the part of the walk in which a ControlNet acts, as fractions 0 <= start < end <= 1.
        sha256: digest of its weights; any will do if empty.
    """

    path: str
    modality: str = ""
    strength: float = 1.0
    window: tuple[float, float] = WHOLE
    sha256: str = ""

    def __post_init__(self) -> None:
        check_extent(self.strength, self.window)
