"""Guidance: the wish, before anything is encoded or planned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from misen.core.errors import InputError, closest
from misen.core.signal import Signal

Route = Literal["auto", "native", "adapted", "consistency"]


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """A signal and how it should act.

    Attributes:
        signal: what is wished, a batch of any length that the images can share.
        strength: how strongly; 1 is the model's own, 0 is not at all, negative pushes away.
        window: the part of the walk in which it acts, as fractions 0 <= start < end <= 1.
        route: how it acts; ``auto`` lets the planner choose.
    """

    signal: Signal
    strength: float = 1.0
    window: tuple[float, float] = (0.0, 1.0)
    route: Route = "auto"

    def __post_init__(self) -> None:
        start, end = self.window
        if not math.isfinite(self.strength):
            raise InputError(f"strength must be a finite number, got {self.strength}", field="strength")
        if not 0.0 <= start < end <= 1.0:
            raise InputError(f"window must satisfy 0 <= start < end <= 1, got {start}, {end}", field="window")
        if self.route not in get_args(Route):
            raise InputError(f"unknown route {self.route!r}", field="route", hint=closest(self.route, get_args(Route)))

    @property
    def modality(self) -> str:
        """The modality of the signal."""
        return self.signal.modality

    def acts_at(self, progress: float) -> bool:
        """Whether ``progress`` in [0, 1] lies in the window (its end is exclusive, but for 1)."""
        start, end = self.window
        return start <= progress < end or (end == 1.0 and progress >= 1.0)
