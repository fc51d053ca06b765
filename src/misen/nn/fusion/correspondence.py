"""Fusion by correspondence: each place of one map looks for its like in another, and takes over what is found there.

Source: Zhang et al. 2020 (arXiv:2004.05571), equations 2 and 3. Attention (B, P, Q) says how much each of P places of
the map that is to be filled takes from each of Q places; places are counted row by row.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps

SHARPNESS = 100.0
"""What cosines are multiplied by before the softmax, the paper's alpha."""
Alikeness = Float[Tensor, "batch places others"]
"""Cosines of features, or the attention they lead to."""


def directions(features: Maps) -> Maps:
    """Features (B, S, h, w), centred over the channels of each place, as unit vectors."""
    centred = features.float() - features.float().mean(dim=1, keepdim=True)
    return functional.normalize(centred, dim=1)


def correlation(first: Float[Tensor, "batch features _ _"], second: Float[Tensor, "batch features _ _"]) -> Alikeness:
    """(B, P, Q) cosines in [-1, 1] between the places of two maps of unit vectors."""
    with torch.autocast(first.device.type, enabled=False):
        return first.float().flatten(2).transpose(1, 2) @ second.float().flatten(2)


def attention(cosines: Alikeness, sharpness: float = SHARPNESS) -> Alikeness:
    """(B, P, Q) shares that add up to 1 over Q, most of them with the places most alike."""
    return (sharpness * cosines).softmax(dim=2)


def warp(shares: Alikeness, values: Float[Tensor, "batch channels _ _"], rows: int) -> Maps:
    """What each place takes over.

    Args:
        shares: (B, P, Q) attention.
        values: (B, C, h, w) of Q = h * w places.
        rows: of the P places that are filled.

    Returns:
        (B, C, rows, P / rows).
    """
    taken: Tensor = (values.flatten(2) @ shares.transpose(1, 2).to(values.dtype)).unflatten(2, (rows, -1))
    return taken


def expected_places(shares: Alikeness, rows: int) -> Float[Tensor, "batch places 2"]:
    """(B, P, 2) where each place looks on average: x and y in [0, 1] among Q places in ``rows`` rows."""
    places: Tensor = shares @ centres(rows, shares.shape[2] // rows).to(shares)
    return places


def centres(rows: int, columns: int) -> Float[Tensor, "places 2"]:
    """(rows * columns, 2) x and y in [0, 1] of the middle of every cell, row by row."""
    y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
    return torch.stack((x, y), dim=2).flatten(0, 1)
