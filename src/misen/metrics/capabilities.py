"""What a signal or a judge may offer beyond its protocol, so that evaluation can say more about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, Self, runtime_checkable

from torch import Tensor

from misen.core.shapes import PerItem
from misen.core.signal import Signal
from misen.scene.record import Record
from misen.scene.truth import Truth


@runtime_checkable
class Complete(Protocol):
    """Capability of a signal class: can say everything that is visible, not just a random part of it."""

    def observe_fully(self, truth: Truth, seeds: Tensor) -> Signal:
        """The fullest wish for each avatar; like ``observe`` otherwise."""
        ...


@runtime_checkable
class Grouped(Protocol):
    """Capability of a signal: its items fall into kinds that are worth a figure of their own."""

    def groups(self) -> Mapping[str, Tensor]:
        """(B,) bool by name of the kind; kinds may overlap."""
        ...


@runtime_checkable
class Falsifiable(Protocol):
    """Capability of a signal: it is known of which avatars it is false."""

    def false_of(self, attributes: Tensor, visible: Tensor) -> Tensor:
        """(B, N) bool, of N avatars given as (N, 16) value indices and (N, 16) bool."""
        ...


class Departing(Signal, Protocol):
    """Capability of a signal class: it observes ways that points have gone from another picture of the same heads."""

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """The ways to each avatar as it is, some of them drawn by ``seeds`` (B,)."""
        ...

    @classmethod
    def before(cls, record: Record) -> Record:
        """The same avatars where these ways begin."""
        ...

    def lengths(self) -> PerItem:
        """(B,) the mean length of the ways, in picture widths; 0 where there is none."""
        ...


@runtime_checkable
class Retrieving(Protocol):
    """Capability of a judge: places pictures and signals in one space, where like lies near like."""

    def places(self, images: Tensor, signal: Signal) -> tuple[Tensor, Tensor]:
        """(B, D) unit vectors of B images and of B signals."""
        ...


@runtime_checkable
class Segmenting(Protocol):
    """Capability of a judge: sees of each pixel what it belongs to, and knows what it should belong to.

    Attributes:
        classes: names of what pixels belong to.
    """

    classes: Sequence[str]

    def maps(self, images: Tensor, signal: Signal) -> tuple[Tensor, Tensor]:
        """(B, h, w) class seen and class wanted at each pixel, as indices of ``classes``."""
        ...
