"""The loss of tuning: the error of one prediction per item, with times and noise from the item's own stream.

Source: Ho et al. 2020 (arXiv:2006.11239), algorithm 1, for uniform times; Salimans & Ho 2022 (arXiv:2202.00512),
section 4, for what a network may predict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jaxtyping import Int
from torch import Tensor

from misen.core.condition import Condition
from misen.core.seeding import Streams
from misen.core.shapes import Maps, PerItem
from misen.generators.diffusion.schedule import PerMap, Schedule, velocity

Network = Callable[[Maps, Int[Tensor, " batch"], Mapping[str, Condition]], Maps]
"""Noisy latents, timesteps and conditions -> what is predicted."""


def errors(
    network: Network, schedule: Schedule, latents: Maps, conditions: Mapping[str, Condition], rng: Streams
) -> PerItem:
    """(B,) mean squared errors of what ``network`` predicts of clean latents (B, C, h, w) with noise in them."""
    timesteps, noise = (rng.uniform() * schedule.num_train_timesteps).long(), rng.normal(*latents.shape[1:])
    alpha, scale = schedule.mixture(timesteps)
    made = network(alpha * latents + scale * noise, timesteps, conditions)
    wanted = WANTED[schedule.prediction_type](latents, noise, alpha, scale)
    return (made.float() - wanted).square().mean(dim=(1, 2, 3))


def _noise(clean: Maps, noise: Maps, alpha: PerMap, scale: PerMap) -> Maps:
    return noise


def _clean(clean: Maps, noise: Maps, alpha: PerMap, scale: PerMap) -> Maps:
    return clean


WANTED: Mapping[str, Callable[[Maps, Maps, PerMap, PerMap], Maps]] = {
    "v_prediction": velocity,
    "epsilon": _noise,
    "sample": _clean,
}
"""What a network ought to predict, by ``prediction_type``."""
