"""Adapters: what other people trained to be added to a finished generator, as a caller asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from misen.core.errors import InputError, brief
from misen.core.guidance import WHOLE, check_extent


@dataclass(frozen=True)
class Adapter:
    """A file or folder that adds to a model: a ControlNet, a LoRA or a learned word, and how it should act.

    Attributes:
        path: where it lies, or its id on a hub.
        modality: what guides through it; for a ControlNet alone.
        strength: multiplies what it adds; 1 is its own, 0 is nothing.
        window: the part of the walk in which a ControlNet acts, as fractions 0 <= start < end <= 1.
        raw: whether a ControlNet is shown files as they are, instead of what we draw of a signal.
        sha256: digest of its weights; any will do if empty.
    """

    path: str
    modality: str = ""
    strength: float = 1.0
    window: tuple[float, float] = WHOLE
    raw: bool = False
    sha256: str = ""

    def __post_init__(self) -> None:
        check_extent(self.strength, self.window)
        if not isinstance(self.raw, bool):
            message = f"raw must be true or false, got {brief(self.raw)}"  # type: ignore[unreachable]
            raise InputError(message, field="raw")
