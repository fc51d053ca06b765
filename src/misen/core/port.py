"""Ports: where a generator takes a condition in, and which modalities it was trained to understand there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from misen.core.condition import Encoder, Layout
from misen.core.guidance import WHOLE, Guidance


@dataclass(frozen=True)
class Adaptation:
    """How an adapter, which was added to a finished generator, takes guidance.

    Attributes:
        encoder: makes the conditions of its port.
        strength: multiplies that of a guidance.
        window: the part of the walk outside which it does nothing, as fractions 0 <= start < end <= 1.
    """

    encoder: Encoder
    strength: float = 1.0
    window: tuple[float, float] = WHOLE

    def narrow(self, guidance: Guidance) -> Guidance | None:
        """The guidance as far as this takes it; None if their windows have nothing in common."""
        start, end = max(self.window[0], guidance.window[0]), min(self.window[1], guidance.window[1])
        if start >= end:
            return None
        return replace(guidance, strength=self.strength * guidance.strength, window=(start, end))


@dataclass(frozen=True)
class Port:
    """One entrance of a generator.

    Attributes:
        layout: shape of the conditions it takes.
        width: D of those conditions.
        trained_on: modalities it was trained on; matching a tensor's layout alone would be a lie.
        mixable: whether the null condition was trained too, so that guidance may extrapolate from it.
        adaptation: of an adapter's port; None for the generator's own.
    """

    layout: Layout
    width: int
    trained_on: frozenset[str]
    mixable: bool = True
    adaptation: Adaptation | None = None
