"""Wishes: what a caller gives to guide, as guidances, and to push away, as signals."""

from __future__ import annotations

from collections.abc import Sequence

from misen import assembly
from misen.app import checks
from misen.core.errors import InputError
from misen.core.guidance import Guidance
from misen.core.signal import Signal

Wish = Signal | Guidance | str
"""A signal, a signal with strength, window and route, or words."""

Avoided = str | Signal | Sequence[Signal] | None
"""Words or signals to push away."""


def asked(wishes: Sequence[Wish], avoided: Avoided, pictures: int) -> tuple[tuple[Guidance, ...], tuple[Signal, ...]]:
    """Guidances and negatives, every signal of one item, or of as many as there are pictures.

    Raises:
        InputError: something is no wish, or has another number of items.
    """
    guidances, negatives = tuple(map(_guidance, wishes)), tuple(_negatives(avoided))
    for signal in (*(guidance.signal for guidance in guidances), *negatives):
        checks.shared(len(signal), signal.modality, pictures)
    return guidances, negatives


def _guidance(wish: Wish) -> Guidance:
    return wish if isinstance(wish, Guidance) else Guidance(signal=_signal(wish))


def _negatives(given: Avoided) -> list[Signal]:
    if given is None or given == "":
        return []
    return [_signal(one) for one in given] if isinstance(given, list | tuple) else [_signal(given)]


def _signal(wish: object) -> Signal:
    if isinstance(wish, str):
        return assembly.words(wish)
    if not isinstance(wish, Signal):
        hint = "or give a signal, such as misen.Sketch, or a Guidance"
        raise InputError(f"prompt must be str, got {type(wish).__name__}", field="prompt", hint=hint)
    return wish
