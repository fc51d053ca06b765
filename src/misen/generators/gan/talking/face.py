"""A face: one picture of somebody, and what an observer finds in it, as numbers that can be part of a point."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.condition import Condition, Layout, check_layout
from misen.core.shapes import Images, Maps, Vectors
from misen.core.signal import Signal
from misen.nn.heat_maps import heat_maps
from misen.perception.reading import Reading
from misen.perception.senses import Look
from misen.perception.sync import COLUMNS
from misen.scene.anatomy import LANDMARKS

POINTS, MOUTH = len(LANDMARKS), len(COLUMNS)
READ = 3 * POINTS + MOUTH
"""Numbers that an observer adds to a picture."""
CHANNELS = 3 + POINTS
"""Of a face as a map."""
SIGMA = 1.5 / 64
"""Deviation of a point's heat map, in widths of the picture."""


@dataclass(frozen=True)
class Face:
    """B faces.

    Attributes:
        picture: (B, 3, S, S) in [-1, 1], the identity frame.
        points: (B, 32, 2) where ``anatomy.LANDMARKS`` are in it, x and y in [0, 1].
        seen: (B, 32) how sure it is that they can be seen.
        mouth: (B, 3) in [0, 1], what the mouth does in it, along ``scene.speech.MOUTH_AXES``.
    """

    picture: Images
    points: Float[Tensor, "batch 32 2"]
    seen: Float[Tensor, "batch 32"]
    mouth: Float[Tensor, "batch 3"]

    @classmethod
    def read(cls, picture: Images, reading: Reading) -> Face:
        """Pictures with what an observer says of them."""
        mouth = reading.expression[:, COLUMNS].clamp(0, 1)
        return cls(picture, reading.landmarks, reading.landmarks_visible.sigmoid(), mouth)

    @classmethod
    def of(cls, numbers: Vectors, size: int) -> Face:
        """Inverse of ``numbers`` for pictures of ``size`` pixels."""
        pixels, points, seen, mouth = numbers.split([3 * size**2, 2 * POINTS, POINTS, MOUTH], dim=1)
        return cls(pixels.unflatten(1, (3, size, size)), points.unflatten(1, (POINTS, 2)), seen, mouth)

    def numbers(self) -> Vectors:
        """(B, 3 * S * S + 99) everything in a row."""
        return torch.cat([self.picture.flatten(1), self.findings()], dim=1)

    def findings(self) -> Float[Tensor, "batch 99"]:
        """(B, 99) what was found in the picture."""
        return torch.cat([self.points.flatten(1), self.seen, self.mouth], dim=1)

    def maps(self) -> Maps:
        """(B, 35, S, S) the pixels, and a map of each point."""
        return torch.cat([self.picture, self.heat(self.points)], dim=1)

    def heat(self, points: Float[Tensor, "batch 32 2"]) -> Maps:
        """(B, 32, S, S) maps of where its points may be; those that are out of sight stay so."""
        size = self.picture.shape[-1]
        return heat_maps(points, size, SIGMA * size) * self.seen[..., None, None]

    def repeat(self, count: int) -> Face:
        """Each ``count`` times in a row."""
        return Face(*(getattr(self, field.name).repeat_interleave(count, 0) for field in fields(self)))


def width(size: int) -> int:
    """How many numbers a face of ``size`` pixels has."""
    return 3 * size**2 + READ


class FaceEncoder:
    """A signal that shows somebody, as a face: vector (B, 3 * S * S + 99)."""

    layouts: tuple[Layout, ...] = ("vector",)

    def __init__(self, look: Look, size: int) -> None:
        """Look with an observer, at pictures of ``size`` pixels along each side."""
        self.look, self.size = look, size

    def width(self, layout: Layout) -> int:
        """That of a face."""
        check_layout(layout, self.layouts)
        return width(self.size)

    @torch.no_grad()
    def encode(self, signal: Signal, layout: Layout) -> Condition:
        """The picture, and what the observer sees in it."""
        check_layout(layout, self.layouts)
        picture = signal.preview(self.size)
        assert picture is not None, "somebody is shown"
        return Condition.full(layout, Face.read(picture, self.look(picture)).numbers())
