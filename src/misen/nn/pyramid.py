"""What every backbone offers: feature maps of a picture, each half as large as the one before."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from misen.core.shapes import Images, Pyramids


@runtime_checkable
class Pyramid(Protocol):
    """Feature maps of a picture at strides 2, 4, 8, ..."""

    widths: tuple[int, ...]
    """Channels of each map, shallow to deep."""

    def __call__(self, image: Images) -> Pyramids:
        """(B, 3, H, W) -> maps, shallow to deep."""
        ...
