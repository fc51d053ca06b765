"""Points as maps: a Gaussian around each."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Maps


def heat_maps(points: Float[Tensor, "batch points 2"], size: int, sigma: float) -> Maps:
    """(B, P, size, size) maps of points (B, P, 2), x and y in [0, 1]: 1 at the point, ``sigma`` pixels wide."""
    axis = torch.arange(size, device=points.device) + 0.5
    across, down = torch.exp(-((points[..., None] * size - axis) ** 2) / (2 * sigma**2)).unbind(2)
    return across[:, :, None, :] * down[:, :, :, None]
