"""Ports: where a generator takes a condition in, and which modalities it was trained to understand there."""

from __future__ import annotations

from dataclasses import dataclass

from misen.core.condition import Layout


@dataclass(frozen=True)
class Port:
    """One entrance of a generator.

    Attributes:
        layout: shape of the conditions it takes.
        width: D of those conditions.
        trained_on: modalities it was trained on; matching a tensor's layout alone would be a lie.
        mixable: whether the null condition was trained too, so that guidance may extrapolate from it.
    """

    layout: Layout
    width: int
    trained_on: frozenset[str]
    mixable: bool = True
