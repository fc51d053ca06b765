"""What energies and judges are handed: an observer, a joint embedding and ears, of side A or of side B."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from misen.core.shapes import Images, Vectors
from misen.perception.heard import Listener
from misen.perception.reading import Reading

Look = Callable[[Images], Reading]
"""Pictures (B, 3, H, W) in [-1, 1] of any size -> what is seen in them."""

SIZE = 64
"""Height and width at which pictures are looked at; others are resized to it first."""


@runtime_checkable
class JointEmbedding(Protocol):
    """Pictures and sentences in one space."""

    def image(self, images: Images) -> Vectors:
        """(B, 3, H, W) in [-1, 1] of any size -> (B, D) unit vectors."""
        ...

    def text(self, sentences: list[str]) -> Vectors:
        """B sentences -> (B, D) unit vectors."""
        ...


@runtime_checkable
class Senses(Protocol):
    """One side's networks; ``misen.perception.coach`` and ``misen.perception.judge`` both are."""

    def observer(self) -> Look:
        """The observer of this side."""
        ...

    def joint(self) -> JointEmbedding:
        """The joint text-image embedding of this side."""
        ...


@runtime_checkable
class Ears(Senses, Protocol):
    """Senses that hear as well."""

    def hearing(self) -> Listener:
        """What this side hears of speech."""
        ...
