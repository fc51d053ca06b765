"""How the upscaler learns: what crops of large pictures have beyond disturbed small ones, at random times.

Source: as for the denoiser; deviation: the error is the absolute and the perceptual one of the picture foreseen, not
the squared one of the velocity, so that few steps suffice for sharp pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from misen.codecs.learning import reconstruction
from misen.core.shapes import Images, PerItem, Scalar
from misen.generators.diffusion.schedule import TIMESTEPS, Schedule, clean
from misen.generators.diffusion.upscaler.disturbance import disturb
from misen.generators.diffusion.upscaler.enlargement import SPREAD
from misen.generators.diffusion.upscaler.network import UpscalingNetwork
from misen.generators.diffusion.upscaler.resolution import SmallImages, enlarge
from misen.nn.perceptual import Features

Corners = Int[Tensor, "batch 2"]
"""Row and column of a crop's first pixel in the small picture."""
CLEAN, NOISE = 0.25, 0.25
"""Shares of small pictures that are not disturbed, and of times at which the residual is nothing but noise."""


class UpscalingPlayer:
    """Batches hold "small" (B, 3, h, w), "large" (B, 3, ratio * c, ratio * c), a crop, and its "corners" (B, 2).

    Args:
        network: learns.
        features: network of the perceptual distance, if any.
        perceptual: weight of that distance beside the mean absolute error.
    """

    name = "upscaler"

    def __init__(self, network: UpscalingNetwork, features: Features | None = None, perceptual: float = 0.3) -> None:
        self.module: nn.Module = network
        self.network, self.schedule, self.ratio = network, Schedule(), network.settings.ratio
        self.features, self.perceptual = features, perceptual

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The distance of the crops foreseen from the true ones."""
        large, corners = batch["large"], batch["corners"]
        level, extent = draw_levels(len(large)), large.shape[-1]
        small = disturb(batch["small"], level)
        base = crop(enlarge(small, self.ratio), self.ratio * corners, extent)
        residual = self._foresee((large - base) / SPREAD, crop(small, corners, extent // self.ratio), level)
        return reconstruction(base + SPREAD * residual, large, self.features, self.perceptual)

    def _foresee(self, residual: Images, small: SmallImages, level: PerItem) -> Images:
        """The residual as the network foresees it from a noisy one."""
        timesteps, noise = draw_timesteps(len(residual)), torch.randn_like(residual)
        alpha, scale = self.schedule.mixture(timesteps)
        noisy = alpha * residual + scale * noise
        return clean(noisy, self.network(noisy, small, timesteps.float(), level).float(), alpha, scale)


def draw_levels(count: int) -> PerItem:
    """(count,) levels of disturbance in [0, 1)."""
    return torch.rand(count) * (torch.rand(count) >= CLEAN)


def draw_timesteps(count: int) -> Int[Tensor, " {count}"]:
    """(count,) integers in [0, 1000), uniform but for those that are the last: every walk begins there."""
    return torch.where(torch.rand(count) < NOISE, TIMESTEPS - 1, torch.randint(TIMESTEPS, (count,)))


def crop(images: Images, corners: Corners, extent: int) -> Float[Tensor, "batch 3 {extent} {extent}"]:
    """(B, 3, extent, extent) parts of pictures, whose first pixels are at ``corners`` (B, 2)."""
    places = zip(images, corners.tolist(), strict=True)
    return torch.stack([image[:, row : row + extent, column : column + extent] for image, (row, column) in places])
