"""Coordinates of W+ in which latents of pictures are uncorrelated and of unit variance, as far as one rotation goes.

Source: Zhu et al. 2020 (arXiv:2012.09036), section 3, for a whitened space of latents; deviation: of points that the
image encoder sees in pictures, with one rotation for the latents of all layers and a scale for each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from misen.core.shapes import Vectors
from misen.generators.gan.synthesis import LatentsPlus

LEAST = 1e-3
"""Spread along an axis, relative to the largest, below which nothing is told apart."""


class Coordinates(nn.Module):
    """Where points lie among those of pictures; the plain centred space until ``settle``.

    Args:
        layers: latents of a point.
        width: of each.

    Attributes:
        centre: (layers, width) the mean point.
        axes: (width, width), one in each column.
        spread: (layers, width) standard deviation along each axis.
    """

    centre: Tensor
    axes: Tensor
    spread: Tensor

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(layers, width))
        self.register_buffer("axes", torch.eye(width))
        self.register_buffer("spread", torch.ones(layers, width))

    def forward(self, point: LatentsPlus) -> Vectors:
        """Points (B, layers, width) -> coordinates (B, layers * width), coarse layers first."""
        with torch.autocast(point.device.type, enabled=False):
            return ((point - self.centre) @ self.axes / self.spread).flatten(1)

    def difference(self, coordinates: Vectors) -> LatentsPlus:
        """What differences of coordinates (B, layers * width) are in W+, (B, layers, width)."""
        with torch.autocast(coordinates.device.type, enabled=False):
            return self._scaled(coordinates) @ self.axes.T

    def point(self, coordinates: Vectors) -> LatentsPlus:
        """The points (B, layers, width) of coordinates (B, layers * width)."""
        return self.centre + self.difference(coordinates)

    def direction(self, coordinates: Vectors) -> Vectors:
        """(B, layers * width) unit vectors from the mean point; their products are cosines in W+."""
        return nn.functional.normalize(self._scaled(coordinates).flatten(1), dim=1)

    @torch.no_grad()
    def settle(self, points: LatentsPlus) -> None:
        """Count from the mean of many points (N, layers, width) on, along their principal axes."""
        self.centre.copy_(points.mean(dim=0))
        away = points - self.centre
        flat = away.flatten(0, 1)
        self.axes.copy_(torch.linalg.eigh(flat.T @ flat / len(flat)).eigenvectors)
        spread = (away @ self.axes).square().mean(dim=0).sqrt()
        self.spread.copy_(spread.clamp(min=LEAST * float(spread.max())))

    def _scaled(self, coordinates: Vectors) -> LatentsPlus:
        """Coordinates in units of W+, still along the axes."""
        scaled: Tensor = coordinates.unflatten(1, self.spread.shape) * self.spread
        return scaled
