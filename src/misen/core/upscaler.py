"""What makes small pictures large: a generator for each of them, in which it is bound."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from misen.core.generator import Generator, Sampler
from misen.core.seeding import Streams
from misen.core.shapes import Images


@runtime_checkable
class Upscaler(Protocol):
    """Follows any generator whose pictures have the size it takes."""

    small: int
    """Height and width of the pictures it takes, in pixels."""

    size: int
    """Height and width of the pictures it makes, in pixels."""

    def over(self, images: Images, rng: Streams) -> Generator:
        """The generator of the large pictures that show ``images`` (B, 3, small, small) in [-1, 1]."""
        ...

    def sampler(self) -> Sampler:
        """The walk it takes."""
        ...
