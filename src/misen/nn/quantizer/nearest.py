"""Rounding to the nearest code, where each code follows the mean of what is rounded to it.

Source: van den Oord et al. 2017 (arXiv:1711.00937), section 3 and appendix A.1, for the codes that follow; Dhariwal et
al. 2020 (arXiv:2005.00341), section 3.1, for new places of codes that nobody chooses; Jégou et al. 2011
(doi:10.1109/TPAMI.2010.57), section II, for groups of channels with a codebook each. Deviation: moving averages are
kept of each code's share and of its place, which says the same as those of counts and sums, and fits half precision.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps
from misen.nn.quantizer.census import occurrences
from misen.nn.quantizer.interface import Codebook, Indices, Quantized, Tallies

Grouped = Float[Tensor, "groups count features"]
"""The vectors of each group of channels."""
IDLE = 0.1
"""A code that is chosen less often than this share of an even choice gets a new place."""


class EmaQuantizer(nn.Module):
    """Rounds to the nearest code; no gradient teaches it.

    Args:
        channels: of the maps.
        codes: of each group.
        groups: of channels that lie side by side.
        decay: of the moving averages, per batch.
    """

    def __init__(self, channels: int, codes: int = 1024, groups: int = 1, decay: float = 0.99) -> None:
        super().__init__()
        self.codes, self.groups, self.decay = codes, groups, decay
        self.register_buffer("codebook", torch.randn(groups, codes, channels // groups))
        self.register_buffer("shares", torch.zeros(groups, codes))
        self.codebook: Codebook
        self.shares: Float[Tensor, "groups codes"]

    def forward(self, latents: Maps) -> Quantized:
        """Round maps (B, C, h, w)."""
        batch, _, height, width = latents.shape
        chosen = nearest(grouped(latents, self.groups), self.codebook)
        indices = chosen.view(self.groups, batch, height, width).movedim(0, 1)
        codes = self.look_up(indices)
        value = codes.to(latents.dtype) + (latents - latents.detach())
        return Quantized(value, indices, functional.mse_loss(latents.float(), codes.float()))

    def look_up(self, indices: Indices) -> Maps:
        """The codes (B, C, h, w) that indices (B, G, h, w) mean."""
        group = torch.arange(self.groups, device=indices.device)[:, None, None]
        return self.codebook[group, indices].movedim(-1, 2).flatten(1, 2)

    @torch.no_grad()
    def gather(self, latents: Maps, indices: Indices) -> Tallies:
        """How often each code was chosen, for what, and random vectors of the batch."""
        vectors, chosen = grouped(latents, self.groups), indices.movedim(1, 0).flatten(1)
        sums = torch.zeros_like(self.codebook).scatter_add_(1, chosen[..., None].expand_as(vectors), vectors)
        drawn = torch.randint(vectors.shape[1], (self.codes,), device=vectors.device)
        return Tallies(occurrences(indices, self.codes), sums, vectors[:, drawn])

    @torch.no_grad()
    def learn(self, tallies: Tallies) -> None:
        """Every code follows the mean of what chose it; a code that hardly anything chooses moves to a candidate."""
        news = 1 - self.decay
        shares = tallies.counts / tallies.counts.sum(1, keepdim=True)
        means = tallies.sums / tallies.counts[..., None].clamp(min=torch.finfo(torch.float32).tiny)
        kept = self.shares.lerp(shares, news)
        pull = (news * shares / kept).nan_to_num()
        idle = kept < IDLE / self.codes
        self.codebook.copy_(tallies.candidates.where(idle[..., None], self.codebook.lerp(means, pull[..., None])))
        self.shares.copy_(kept.masked_fill(idle, 1 / self.codes))


def grouped(latents: Maps, groups: int) -> Grouped:
    """(B, C, h, w) -> (G, B h w, C / G), without gradient, in single precision."""
    apart: Tensor = latents.detach().float().unflatten(1, (groups, -1))
    return apart.permute(1, 0, 3, 4, 2).flatten(1, 3)


def nearest(vectors: Grouped, codebook: Codebook) -> Int[Tensor, "groups count"]:
    """Which row of the codebook (G, K, D) is nearest to each vector (G, N, D)."""
    codes = codebook.float()
    with torch.autocast(vectors.device.type, enabled=False):
        nearness = torch.baddbmm(codes.square().sum(-1)[:, None], vectors, codes.mT, beta=-0.5)
    return nearness.argmax(-1)
