"""The upscaler's network: a U-Net after space-to-depth, so that no convolution sees the large picture by pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from diffusers.models.embeddings import Timesteps
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Images, Maps, PerItem, Vectors
from misen.generators.diffusion.schedule import TIMESTEPS
from misen.generators.diffusion.upscaler.resolution import SmallImages

FREQUENCIES = 64
"""Sines and cosines that each of the two numbers becomes which say how much noise there is."""


@dataclass(frozen=True)
class NetworkSettings:
    """Size and shape of the network.

    Attributes:
        ratio: pixels of the large picture per pixel of the small one, along each side.
        channels: features per level, fine to coarse; the finest has the small picture's resolution.
        units: residual units per level, on the way down and again on the way up.
        embedding: width of what says how noisy both pictures are.
    """

    ratio: int = 4
    channels: Sequence[int] = (96, 144, 160)
    units: Sequence[int] = (2, 2, 1)
    embedding: int = 128


class ModulatedUnit(nn.Module):
    """Two 3x3 convolutions beside the identity, scaled and shifted in between; starts as the identity."""

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * width)
        for parameter in (self.second.weight, self.modulation.weight, self.modulation.bias):
            nn.init.zeros_(parameter)

    def forward(self, x: Maps, embedding: Vectors) -> Maps:
        """(B, width, h, w) under (B, embedding) -> the same shape."""
        scale, shift = self.modulation(embedding)[..., None, None].chunk(2, dim=1)
        branch = torch.addcmul(shift, self.first(functional.silu(x)), 1 + scale)
        added: Tensor = self.second(functional.silu(branch))
        return x + added


class Stage(nn.ModuleList):
    """Units one after another."""

    def __init__(self, width: int, count: int, embedding: int) -> None:
        super().__init__(ModulatedUnit(width, embedding) for _ in range(count))

    def forward(self, x: Maps, embedding: Vectors) -> Maps:
        """(B, width, h, w) under (B, embedding) -> the same shape."""
        for unit in self:
            x = unit(x, embedding)
        return x


class UpscalingNetwork(nn.Module):
    """Predicts the velocity of a noisy residual under a small picture; begins with nothing.

    The residual is what the large picture has beyond the enlarged small one. The small picture enters at its own
    resolution, where a cell of the residual is one of its pixels: the enlarged one holds nothing more.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        widths, units, embedding = settings.channels, settings.units, settings.embedding
        self.settings, residual = settings, 3 * settings.ratio**2
        self.waves = Timesteps(FREQUENCIES, flip_sin_to_cos=True, downscale_freq_shift=0)
        self.embed = nn.Sequential(
            nn.Linear(2 * FREQUENCIES, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU()
        )
        self.entry = nn.Conv2d(residual + 3, widths[0], 3, padding=1)
        self.halvings = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.doublings = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairwise(widths))
        self.down, self.up = (
            nn.ModuleList(Stage(width, count, embedding) for width, count in zip(widths, units, strict=True))
            for _ in range(2)
        )
        self.exit = nn.Conv2d(widths[0], residual, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        noisy: Images,
        small: SmallImages,
        timestep: PerItem,
        level: PerItem,
    ) -> Images:
        """The velocity of a noisy residual.

        Args:
            noisy: (B, 3, H, W).
            small: (B, 3, H / ratio, W / ratio), disturbed; sides are multiples of ``2 ** (len(channels) - 1)``.
            timestep: (B,) of the residual's noise, in [0, 1000).
            level: (B,) of the small picture's disturbance, in [0, 1].
        """
        ratio = self.settings.ratio
        embedding = self._embedding(timestep, level).to(noisy.dtype)
        together = torch.cat([functional.pixel_unshuffle(noisy, ratio), small], dim=1)
        x = self.entry(together.contiguous(memory_format=torch.channels_last))
        velocity: Tensor = self.exit(functional.silu(self._through(x, embedding)))
        return functional.pixel_shuffle(velocity, ratio)

    def _embedding(self, timestep: PerItem, level: PerItem) -> Vectors:
        waves = torch.cat([self.waves(timestep), self.waves(TIMESTEPS * level)], dim=1)
        embedding: Tensor = self.embed(waves)
        return embedding

    def _through(self, x: Maps, embedding: Vectors) -> Maps:
        """Down to the coarsest level and up again; what was fine on the way down is added on the way up."""
        skips = []
        for stage, halving in zip(self.down, self.halvings, strict=False):
            skips.append(stage(x, embedding))
            x = halving(skips[-1])
        x = self.up[-1](self.down[-1](x, embedding), embedding)
        for stage, doubling in reversed(list(zip(self.up, self.doublings, strict=False))):
            x = stage(skips.pop() + functional.pixel_shuffle(doubling(x), 2), embedding)
        return x
