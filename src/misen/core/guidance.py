"""Guidance: the wish, before anything is encoded or planned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

from misen.core.errors import InputError, brief, closest
from misen.core.signal import Signal

Route = Literal["auto", "native", "adapted", "consistency"]
WHOLE = (0.0, 1.0)
"""The whole walk."""
MOST = 64
"""Copies, gradients and recurrences beyond which a walk would take hours."""


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """How guidance by consistency moves estimates.

    Attributes:
        measure: by which of the energies of its modality it is measured; the usual one if empty.
        copies: how often an energy looks at each picture: once as it is, and else at altered copies, which gradients
            that only please the energy do not survive.
        gradients: how many gradients move an estimate, each taken where the last one led; together they lead as far
            as one.
        recurrences: how often each guided step is taken, with noise anew in between.
        interval: in one of how many guided steps gradients are taken; in between, the last ones lead on.
        through: whether gradients are taken at the noisy state, through the network, not at what it foresees.
    """

    measure: str = ""
    copies: int = 1
    gradients: int = 1
    recurrences: int = 1
    interval: int = 1
    through: bool = False

    def __post_init__(self) -> None:
        for name in ("copies", "gradients", "recurrences", "interval"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
                raise InputError(f"{name} must be a whole number from 1 to {MOST}, got {brief(value)}", field=name)
        if not isinstance(self.through, bool):
            message = f"through must be true or false, got {brief(self.through)}"  # type: ignore[unreachable]
            raise InputError(message, field="through")


USUAL = Consistency()
"""What is done when nobody says how."""


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """A signal and how it should act.

    Attributes:
        signal: what is wished, a batch of any length that the images can share.
        strength: how strongly; 1 is the model's own, 0 is not at all, negative pushes away.
        window: the part of the walk in which it acts, as fractions 0 <= start < end <= 1.
        route: how it acts; ``auto`` lets the planner choose.
        consistency: how it acts if it acts by consistency.
    """

    signal: Signal
    strength: float = 1.0
    window: tuple[float, float] = WHOLE
    route: Route = "auto"
    consistency: Consistency = USUAL

    def __post_init__(self) -> None:
        if not isinstance(self.signal, Signal):
            hint = "for example misen.Text('a man')"  # type: ignore[unreachable]  # callers are not type-checked
            raise InputError(f"guidance needs a signal, got {type(self.signal).__name__}", field="guidance", hint=hint)
        check_extent(self.strength, self.window)
        if self.route not in get_args(Route):
            hint = closest(str(self.route), get_args(Route))
            raise InputError(f"unknown route {brief(self.route)}", field="route", hint=hint)

    @property
    def modality(self) -> str:
        """The modality of the signal."""
        return self.signal.modality

    def acts_at(self, progress: float) -> bool:
        """Whether ``progress`` in [0, 1] lies in the window (its end is exclusive, but for 1)."""
        start, end = self.window
        return start <= progress < end or (end == 1.0 and progress >= 1.0)


def check_extent(strength: object, window: object) -> None:
    """Raise ``InputError`` unless ``strength`` is a finite number and ``window`` a part of the walk."""
    if not _is_number(strength) or not math.isfinite(strength):
        raise InputError(f"strength must be a finite number, got {brief(strength)}", field="strength")
    match window:
        case (start, end) if _is_number(start) and _is_number(end) and 0 <= start < end <= 1:
            pass
        case _:
            raise InputError(f"window must satisfy 0 <= start < end <= 1, got {brief(window)}", field="window")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
