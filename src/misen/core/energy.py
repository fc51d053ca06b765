"""Energies: differentiable disagreement of an image with a signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from misen.core.shapes import PerItem
from misen.core.signal import Signal
from misen.core.view import View

Disagreement = Callable[[View], PerItem]
"""View -> (B,), >= 0, 0 = consistent, differentiable in ``view.image``; may remember (tracked points)."""


@runtime_checkable
class Energy(Protocol):
    """Begins measuring a batch of signals; receives its networks by construction."""

    def begin(self, signal: Signal, first: View) -> Disagreement:
        """A disagreement for this batch; ``first`` is the view sampling starts from."""
        ...


@runtime_checkable
class Placeless(Protocol):
    """Capability: the wish does not say where in the picture things are, so shifted and cropped copies may be shown."""

    placeless: bool
    """True."""


@runtime_checkable
class Varied(Protocol):
    """Capability: can measure the same wish in several ways."""

    measures: Mapping[str, Energy]
    """Energies by name, the usual one among them."""


@runtime_checkable
class Opening(Protocol):
    """Capability of measures: beside those with names there are others, opened from where they lie."""

    def opened(self, folder: str) -> Energy | None:
        """The energy that lies in a folder; None if there is none."""
        ...
