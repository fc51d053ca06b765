"""Correspondence: where one view shows what is seen at a place of another, and how far a guess is from there.

The world knows of every pixel which point of the surface it shows, so the truth is found by looking for the like. A
guess is compared by where it leads from the middle of its cell, in pixels of a picture of 64.

Source: Otte & Nagel 1994 (optical flow estimation: advances and comparisons), for the end-point error.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from misen.core.shapes import PerItem
from misen.nn.fusion.correspondence import centres
from misen.scene.observation import Observation

TOLERANCE = 0.03
"""Surface distance, of 1, up to which two pixels show the same point; a pixel at 64 spans about 0.02."""
SCALE = 64

Places = Float[Tensor, "batch places 2"]
"""x and y in [0, 1], (0, 0) top left."""


@dataclass(frozen=True)
class Partners:
    """The true partners of P places of B pictures.

    Attributes:
        shifts: (B, P, 2) from each place to its partner, in picture widths.
        known: (B, P) whether there is one: the point is not hidden, nor is the place background.
    """

    shifts: Places
    known: Bool[Tensor, "batch places"]


def partners(wanted: Observation, given: Observation, rows: int) -> Partners:
    """Where B views ``given`` of the same heads show what the views ``wanted`` show in ``rows`` x ``rows`` cells.

    Both hold surfaces and parts, at any one size that is a multiple of ``rows``.
    """
    size = wanted.part.shape[-1]
    middle = torch.arange(rows) * (size // rows) + size // (2 * rows)
    at = (middle[:, None] * size + middle).flatten()
    part, surface = wanted.part.flatten(1)[:, at], wanted.surface.flatten(2)[:, :, at].mT
    distance = torch.cdist(surface, given.surface.flatten(2).mT)
    other = part[:, :, None] != given.part.flatten(1)[:, None]
    nearest, where = distance.masked_fill(other, torch.inf).min(dim=2)
    pixels = centres(size, size)
    return Partners(pixels[where] - pixels[at], (nearest <= TOLERANCE) & (part > 0))


def end_point_errors(places: Places, true: Partners) -> PerItem:
    """(B,) mean distance between guessed and true shifts, in pixels at 64; NaN where no partner is known.

    Args:
        places: (B, P, 2) where partners are thought to be, of cells counted row by row.
        true: where they are.
    """
    rows = round(places.shape[1] ** 0.5)
    gaps: Tensor = torch.linalg.vector_norm(places - centres(rows, rows) - true.shifts, dim=2)
    return SCALE * (gaps * true.known).sum(dim=1) / true.known.sum(dim=1)
