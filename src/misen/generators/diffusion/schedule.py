"""How much noise there is when: a variance-preserving schedule of 1000 steps.

Source: Nichol & Dhariwal 2021 (arXiv:2102.09672), equation 17, as diffusers computes it ("squaredcos_cap_v2").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from misen.core.shapes import Maps

TIMESTEPS = 1000
SCHEDULER: Mapping[str, Any] = {
    "num_train_timesteps": TIMESTEPS,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
}
"""The same schedule in the words of diffusers' schedulers; the offset means nothing here, but its pipeline wants it."""
LARGEST_BETA = 0.999
PerMap = Float[Tensor, "batch 1 1 1"]
"""One number per map, ready to be multiplied with it."""


def _signal(fraction: float) -> float:
    return math.cos((fraction + 0.008) / 1.008 * math.pi / 2) ** 2


def _kept() -> Float64[Tensor, " timesteps"]:
    """(1000,) float64: the share of the signal's variance that is left at each timestep."""
    betas = [
        min(1 - _signal((step + 1) / TIMESTEPS) / _signal(step / TIMESTEPS), LARGEST_BETA) for step in range(TIMESTEPS)
    ]
    return (1 - torch.tensor(betas, dtype=torch.float32)).cumprod(0).double()


class Schedule:
    """Noisy latents are ``alpha * x0 + scale * noise``, with ``alpha ** 2 + scale ** 2 = 1``.

    Attributes:
        kept: (1000,) float64, ``alpha ** 2`` of each timestep.
        sigmas: (1000,) float64, ``scale / alpha`` of each timestep, the noise level.
    """

    def __init__(self) -> None:
        self.kept = _kept()
        self.sigmas = ((1 - self.kept) / self.kept).sqrt()

    def sigma(self, timestep: int) -> float:
        """The noise level of a timestep in [0, 1000)."""
        return float(self.sigmas[timestep])

    def timestep(self, sigma: float) -> float:
        """The timestep of a noise level, between two of them by linear interpolation of log sigma."""
        logs = self.sigmas.log()
        place = torch.tensor(sigma, dtype=torch.float64).log().clamp(logs[0], logs[-1])
        above = int(torch.searchsorted(logs, place).clamp(1, TIMESTEPS - 1))
        low, high = logs[above - 1], logs[above]
        return float(above - 1 + (place - low) / (high - low))

    def mixture(self, timesteps: Int[Tensor, " batch"]) -> tuple[PerMap, PerMap]:
        """``alpha`` and ``scale``, (B, 1, 1, 1) each, of integer timesteps (B,)."""
        kept = self.kept.to(timesteps.device)[timesteps].float()[:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    def levels(self, steps: int) -> list[int]:
        """Timesteps of a walk of ``steps`` steps, from 999 downwards, evenly spaced to the end ("trailing")."""
        return [round(TIMESTEPS - index * TIMESTEPS / steps) - 1 for index in range(steps)]


def alpha_scale(sigma: float) -> tuple[float, float]:
    """``alpha`` and ``scale`` of a noise level."""
    alpha = 1 / math.sqrt(1 + sigma**2)
    return alpha, sigma * alpha


def velocity(clean: Maps, noise: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """What the network predicts: ``v = alpha * noise - scale * x0``.

    Source: Salimans & Ho 2022 (arXiv:2202.00512), appendix D.
    """
    return alpha * noise - scale * clean


def clean(noisy: Maps, v: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """x0 of noisy latents and a velocity; inverts ``velocity``."""
    return alpha * noisy - scale * v
