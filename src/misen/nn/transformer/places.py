"""Where tokens stand, and how that turns what they look for: rotary positions in two dimensions.

Source: Su et al. 2021 (arXiv:2104.09864), section 3.2, along each axis as in Heo et al. 2024 (arXiv:2403.13298),
section 3.1; deviations: half of the pairs of a head does not turn, and tokens that stand nowhere, such as words, are
met by that half alone, so that only distances between cells matter on any canvas; wavelengths double from 4 cells on,
since grids are small.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Complex, Float
from torch import Tensor

Places = Float[Tensor, "items tokens 2"]
"""Row and column of each token in cells, of each item or of all alike; NaN for what stands nowhere."""
Factors = Complex[Tensor, "items tokens pairs"]
"""By which the pairs of numbers of a query or a key are multiplied."""
Turns = Complex[Tensor, "3 items 1 tokens pairs"]
"""Factors of queries, of keys and of values, which stay as they are; the same for all heads."""
PerHead = Float[Tensor, "parts batch heads tokens features"]
"""Several tensors of a head's width side by side."""


def grid_places(rows: int, columns: int) -> Float[Tensor, "1 cells 2"]:
    """The cells of a grid, row by row."""
    axes = torch.arange(rows).float(), torch.arange(columns).float()
    return torch.cartesian_prod(*axes).view(1, rows * columns, 2)


def nowhere(tokens: int) -> Float[Tensor, "1 {tokens} 2"]:
    """Tokens that stand nowhere."""
    return torch.full((1, tokens, 2), torch.nan)


def factors(places: Places, pairs: int) -> Factors:
    """(b, T, 2) -> (b, T, pairs): 1 for the first half; then turns by row and by column, or 0 for what is nowhere."""
    frequencies = math.pi / 2 * 0.5 ** torch.arange(pairs // 4, device=places.device)
    angles = (places.nan_to_num()[..., None] * frequencies).flatten(2)
    there = (~places.isnan().any(-1, keepdim=True)).to(angles).expand_as(angles)
    still = torch.ones(*angles.shape[:2], pairs - angles.shape[2], dtype=torch.complex64, device=places.device)
    return torch.cat([still, torch.polar(there, angles)], dim=2)


def turns(targets: Places, places: Places, pairs: int) -> Turns:
    """What tokens do that stand at ``places`` and look from ``targets``, both (b, T, 2).

    Queries are scaled down besides, as much as attention wants it.
    """
    query, key = factors(targets, pairs) / math.sqrt(2 * pairs), factors(places, pairs)
    return torch.stack([query, key, torch.ones_like(key)])[:, :, None]


def turned(parts: PerHead, by: Turns) -> PerHead:
    """Queries, keys and values (3, B, H, T, d) with their turns."""
    pairs = torch.view_as_complex(parts.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * by).flatten(-2).to(parts.dtype)
