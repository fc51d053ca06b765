"""Avatars rendered twice, small and large: what a network learns from that enlarges pictures.

The large render has more samples to each place, so that the small one is not quite its area average: edges of the small
one are a little rougher. Both are kept, since generated pictures look like small renders.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from misen.core.image import from_bytes, to_bytes
from misen.core.shapes import Images
from misen.data.cache import Cache, Contents, Shapes
from misen.scene.record import Record
from misen.scene.renderer import render

RATIO = 4
"""Pixels of a large picture per pixel of a small one, along each side."""


@dataclass(frozen=True)
class Pair:
    """B avatars, rendered twice.

    Attributes:
        small: (B, 3, h, w) in [-1, 1].
        large: (B, 3, RATIO * h, RATIO * w) in [-1, 1].
    """

    small: Float[Tensor, "batch 3 rows columns"]
    large: Images


def render_pair(record: Record, size: int) -> Pair:
    """Two renders of ``record``, of ``size`` pixels and of ``RATIO`` times fewer."""
    return Pair(render(record, size // RATIO), render(record, size))


def _shapes(size: int) -> Shapes:
    small, large = (size // RATIO, size // RATIO, 3), (size, size, 3)
    return {"small": (small, "u1"), "large": (large, "u1"), "seed": ((), "i8")}


def _tell(record: Record, size: int) -> dict[str, Tensor]:
    pair = render_pair(record, size)
    return {"small": to_bytes(pair.small), "large": to_bytes(pair.large), "seed": record.seed}


PAIRS = Contents(_shapes, _tell)
"""The pixels of both renders and nothing else: 209 kB a record at 256, where everything would be 0.7 MB."""


class CachedPairs(Cache):
    """A finished cache of pairs."""

    contents = PAIRS

    def pair(self, indices: Tensor | slice) -> Pair:
        """Some of the pairs."""
        return Pair(self.small(indices), from_bytes(self.field("large", indices)))

    def small(self, indices: Tensor | slice) -> Images:
        """The small renders of some pairs."""
        return from_bytes(self.field("small", indices))
