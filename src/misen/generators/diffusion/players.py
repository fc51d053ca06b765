"""How the denoiser learns: velocities at random times, under random subsets of its conditions.

Source: Salimans & Ho 2022 (arXiv:2202.00512), section 2.3; Esser et al. 2024 (arXiv:2403.03206), section 3.1, for the
times; Ho & Salimans 2022 (arXiv:2207.12598), algorithm 1, for absent conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from jaxtyping import Bool, Int
from torch import Tensor, nn

from misen.core.shapes import Maps, PerItem, Scalar
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.schedule import TIMESTEPS, Schedule, velocity

UNIFORM, TOWARDS_NOISE = 0.3, 0.6
"""Share of times drawn uniformly, so that the ends, which the logit-normal rarely visits, are learned too; and the mean
of its logit, since what words and attributes say is decided while there is much noise."""
NONE, ONE = 0.1, 0.5
"""Shares of samples without any condition and with exactly one; the others have two to ``MOST``."""
MOST = 5


class DenoisingPlayer:
    """Batches hold "latents" (B, C, h, w), clean and scaled, and "conditions" by port."""

    name = "denoiser"

    def __init__(self, denoiser: Denoiser, schedule: Schedule) -> None:
        self.module: nn.Module = denoiser
        self.denoiser, self.schedule = denoiser, schedule

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The mean squared error of the velocity."""
        loss, figures, _ = self._play(batch)
        return loss, figures

    def _play(self, batch: Mapping[str, Any]) -> tuple[Scalar, dict[str, float], Maps]:
        """The loss, what to tell of it, and the denoiser's coarsest features."""
        question = Question.on(batch["latents"], self.schedule)
        made, middle = self.denoiser.trace(question.noisy, question.timesteps, batch["conditions"])
        errors = question.errors(made)
        return errors.mean(), _figures(errors.detach(), question.timesteps), middle


class WeakPlayer:
    """Batches hold "latents" (B, C, h, w), clean and scaled; a stock network without conditions learns from them."""

    name = "weak"

    def __init__(self, network: UNet2DModel, schedule: Schedule) -> None:
        self.module: nn.Module = network
        self.schedule = schedule

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The mean squared error of the velocity."""
        question = Question.on(batch["latents"], self.schedule)
        errors = question.errors(self.module(question.noisy, question.timesteps).sample)
        return errors.mean(), _figures(errors.detach(), question.timesteps)


@dataclass(frozen=True)
class Question:
    """What a network is asked of latents.

    Attributes:
        noisy: (B, C, h, w) latents with noise.
        timesteps: (B,) how much of it.
        velocity: (B, C, h, w) the right answer.
    """

    noisy: Maps
    timesteps: Int[Tensor, " batch"]
    velocity: Maps

    @classmethod
    def on(cls, clean: Maps, schedule: Schedule) -> Question:
        """At random times."""
        latents = clean.contiguous(memory_format=torch.channels_last)
        timesteps, noise = draw_timesteps(len(latents)), torch.randn_like(latents)
        alpha, scale = schedule.mixture(timesteps)
        return cls(alpha * latents + scale * noise, timesteps, velocity(latents, noise, alpha, scale))

    def errors(self, answer: Maps) -> PerItem:
        """(B,) mean squared error of an answer (B, C, h, w)."""
        squares: PerItem = (answer.float() - self.velocity).square().mean(dim=(1, 2, 3))
        return squares


def _figures(errors: PerItem, timesteps: Int[Tensor, " batch"]) -> dict[str, float]:
    """The error where there is little and where there is much noise, of the items there are."""
    noisy = timesteps >= TIMESTEPS // 2
    shares = {"clear": errors[~noisy], "noisy": errors[noisy]}
    return {name: share.mean().item() for name, share in shares.items() if len(share)}


def draw_timesteps(count: int) -> Int[Tensor, " {count}"]:
    """(count,) integers in [0, 1000): logit-normal times, some uniform ones among them."""
    fraction = (torch.randn(count) + TOWARDS_NOISE).sigmoid()
    fraction = torch.where(torch.rand(count) < UNIFORM, torch.rand(count), fraction)
    return (fraction * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)


def draw_presence(
    shares: Sequence[float], count: int, generator: torch.Generator
) -> Bool[Tensor, "{count} {len(shares)}"]:
    """(count, ports) bool: which conditions each sample has; ``shares`` say how often relative to each other."""
    chance = torch.rand(count, generator=generator)
    several = torch.randint(2, MOST + 1, (count,), generator=generator)
    wanted = torch.where(chance < NONE, 0, torch.where(chance < NONE + ONE, 1, several))
    gumbel = -(-torch.rand(count, len(shares), generator=generator).clamp(min=1e-9).log()).log()
    order = (torch.tensor(shares).log() + gumbel).argsort(dim=1, descending=True)
    rank = order.argsort(dim=1)
    return rank < wanted[:, None]
