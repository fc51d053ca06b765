"""Learning beside a network that already sees: the denoiser's coarse features tell what it sees in the clean picture.

Source: Yu et al. 2025 (arXiv:2410.06940), equation 8; deviation: the features of a convolutional observer, each channel
brought to mean 0 and deviation 1 over the batch, teach the middle of a U-Net through a projection of one hidden layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Images, Maps, Scalar
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.players import DenoisingPlayer
from misen.generators.diffusion.schedule import Schedule

Teacher = Callable[[Images], Maps]
"""Pictures (B, 3, H, W) in [-1, 1] -> features (B, F, h, w)."""
FLAT = 1e-3
"""Deviation of a channel below which it is taken to say nothing."""


class Aligned(nn.Module):
    """A denoiser and the projection that exists only while it learns."""

    def __init__(self, denoiser: Denoiser, features: int) -> None:
        """``features`` is F of the teacher."""
        super().__init__()
        self.denoiser = denoiser
        width = denoiser.unet.config.block_out_channels[-1]
        self.projection = nn.Sequential(nn.Conv2d(width, features, 1), nn.SiLU(), nn.Conv2d(features, features, 1))


class AlignedPlayer(DenoisingPlayer):
    """Batches hold "pictures" (B, 3, H, W) too, what the latents show.

    Args:
        denoiser: learns.
        schedule: its noise.
        teacher: sees clean pictures; it is not asked for gradients.
        weight: of the alignment beside the error of the velocity.
    """

    def __init__(self, denoiser: Denoiser, schedule: Schedule, teacher: Teacher, weight: float) -> None:
        super().__init__(denoiser, schedule)
        size = denoiser.unet.config.sample_size * denoiser.ports.grid.stride
        aligned = Aligned(denoiser, teacher(torch.zeros(1, 3, size, size)).shape[1])
        self.module, self.projection = aligned, aligned.projection
        self.teacher, self.weight = teacher, weight

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The error of the velocity, and one minus the mean cosine between projected and taught features."""
        loss, figures, middle = self._play(batch)
        strangeness = 1 - alignment(self.projection(middle), self.teacher(batch["pictures"]))
        return loss + self.weight * strangeness, {**figures, "strangeness": strangeness.item()}


def alignment(projected: Maps, taught: Float[Tensor, "batch channels h w"]) -> Scalar:
    """The mean cosine, in [-1, 1], between two maps, of which the second is brought to the size of the first."""
    goal = functional.interpolate(standard(taught.detach().float()), projected.shape[-2:], mode="area")
    similarity: Tensor = functional.cosine_similarity(projected.float(), goal, dim=1)
    return similarity.mean()


def standard(features: Maps) -> Maps:
    """Every channel with mean 0 and deviation 1 over the batch and its places."""
    centred = features - features.mean(dim=(0, 2, 3), keepdim=True)
    return centred / centred.square().mean(dim=(0, 2, 3), keepdim=True).sqrt().clamp(min=FLAT)
