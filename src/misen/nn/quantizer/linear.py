"""Rounding to the nearest code, where all codes are moved together by one matrix that learns.

A code that is never chosen moves with the others, so that none is left behind.

Source: Zhu et al. 2024 (arXiv:2411.02038), section 3.2 ("SimVQ"); deviation: both halves of the loss weigh the same,
which an optimiser that measures gradients by their size does not tell from other weights.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps
from misen.nn.quantizer.interface import Codebook, Indices, Quantized
from misen.nn.quantizer.nearest import grouped, nearest


class LinearQuantizer(nn.Module):
    """Rounds to the nearest of codes that are a linear function of points that stay where they are.

    Args:
        channels: of the maps.
        codes: of each group.
        groups: of channels that lie side by side.
    """

    def __init__(self, channels: int, codes: int = 4096, groups: int = 1) -> None:
        super().__init__()
        self.codes, self.groups = codes, groups
        width = channels // groups
        self.register_buffer("points", torch.randn(groups, codes, width))
        self.points: Codebook
        self.basis = nn.Parameter(torch.eye(width).repeat(groups, 1, 1))
        self.origin = nn.Parameter(torch.zeros(groups, 1, width))

    @property
    def codebook(self) -> Float[Tensor, "groups codes features"]:
        """The codes as they are now."""
        return self.origin + self.points @ self.basis

    def forward(self, latents: Maps) -> Quantized:
        """Round maps (B, C, h, w)."""
        batch, _, height, width = latents.shape
        chosen = nearest(grouped(latents, self.groups), self.codebook.detach())
        indices = chosen.view(self.groups, batch, height, width).movedim(0, 1)
        codes = self.look_up(indices)
        value = codes.detach().to(latents.dtype) + (latents - latents.detach())
        return Quantized(value, indices, functional.mse_loss(latents.float(), codes.float()))

    def look_up(self, indices: Indices) -> Maps:
        """The codes (B, C, h, w) that indices (B, G, h, w) mean."""
        group = torch.arange(self.groups, device=indices.device)[:, None, None]
        return self.codebook[group, indices].movedim(-1, 2).flatten(1, 2)
