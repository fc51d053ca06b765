"""How much noise there is when: variance-preserving schedules, ours and those of other people's models.

Fields are named as diffusers' schedulers name them, so that a ``scheduler_config.json`` is one of these values.
Source: Nichol & Dhariwal 2021 (arXiv:2102.09672), equation 17, as diffusers computes it ("squaredcos_cap_v2"); Lin et
al. 2023 (arXiv:2305.08891), algorithm 1 for schedules that end without signal and table 2 for spacings; deviation: the
end keeps 2^-24 of the signal's variance, as solvers that divide by it need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int
from scipy.special import betaincinv
from torch import Tensor

from misen.core.generator import Level
from misen.core.shapes import Maps

TIMESTEPS = 1000
SCHEDULER: Mapping[str, Any] = {
    "num_train_timesteps": TIMESTEPS,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "v_prediction",
    "timestep_spacing": "trailing",
    "steps_offset": 1,
}
"""Our schedule in the words of diffusers' schedulers; the offset means nothing here, but its pipeline wants it."""
LARGEST_BETA = 0.999
KARRAS_POWER = 7
"""Of the levels that do not go by time: the larger, the more of them have little noise."""
BETA_SHAPE = 0.6
"""Both parameters of the distribution of levels that are dense at both ends."""
LEAST_SIGNAL = 2**-24
Spacing = Literal["linspace", "leading", "trailing"]
"""Evenly from end to end, from the clean end, or from the noisy end."""
Spread = Callable[[float, float, int], list[float]]
"""Noise levels from the largest to the smallest, as many as there are steps."""
PerMap = Float[Tensor, "batch 1 1 1"]
"""One number per map, ready to be multiplied with it."""


@dataclass(frozen=True)
class Schedule:
    """Noisy latents are ``alpha * x0 + scale * noise``, with ``alpha ** 2 + scale ** 2 = 1``.

    Attributes:
        num_train_timesteps: T; timesteps are in [0, T), the noisiest last.
        beta_schedule: how the share of new noise per timestep grows; one of ``BETAS``.
        beta_start: that share at the first timestep, where the kind of schedule leaves it open.
        beta_end: that share at the last timestep, likewise.
        trained_betas: the shares themselves, in place of a kind.
        prediction_type: what the network predicts; one of ``FORESEEN``.
        timestep_spacing: where on it a walk of few steps sets foot; None leaves that to the sampler.
        steps_offset: added to the timesteps that are spaced from the clean end.
        rescale_betas_zero_snr: whether noise grows until nothing else is left.
        set_alpha_to_one: whether DDIM's last step takes away all noise, or leaves that of timestep 0.
        final_sigmas_type: whether the last step of solvers that remember takes away all noise ("zero"), or leaves that
            of timestep 0 ("sigma_min").
        use_karras_sigmas: whether walks go evenly in a root of the noise level, in place of evenly in time.
        use_exponential_sigmas: whether they go evenly in its logarithm.
        use_beta_sigmas: whether they go by quantiles of a beta distribution, densely at both ends.
        use_lu_lambdas: whether they go evenly in the logarithm of signal to noise.
        sigma_max: noise level at which walks begin that do not go by time; the schedule's own if None.
        sigma_min: noise level of their last step, likewise.
    """

    num_train_timesteps: int = TIMESTEPS
    beta_schedule: str = "squaredcos_cap_v2"
    beta_start: float = 0.0001
    beta_end: float = 0.02
    trained_betas: tuple[float, ...] | None = None
    prediction_type: str = "v_prediction"
    timestep_spacing: Spacing | None = "trailing"
    steps_offset: int = 0
    rescale_betas_zero_snr: bool = False
    set_alpha_to_one: bool = True
    final_sigmas_type: str = "zero"
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False
    use_lu_lambdas: bool = False
    sigma_max: float | None = None
    sigma_min: float | None = None

    @cached_property
    def kept(self) -> Float64[Tensor, " timesteps"]:
        """(T,) float64, ``alpha ** 2`` of each timestep: the share of the signal's variance that is left."""
        listed = self.trained_betas
        betas = BETAS[self.beta_schedule](self) if listed is None else torch.tensor(listed, dtype=torch.float32)
        kept = (1 - betas).cumprod(0)
        return (_drained(kept) if self.rescale_betas_zero_snr else kept).double()

    @cached_property
    def sigmas(self) -> Float64[Tensor, " timesteps"]:
        """(T,) float64, ``scale / alpha`` of each timestep, the noise level."""
        return ((1 - self.kept) / self.kept).sqrt()

    @cached_property
    def _timesteps(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """(T,) all of them."""
        return np.arange(self.num_train_timesteps, dtype=np.float64)

    @property
    def spread(self) -> Spread | None:
        """The noise levels of walks, where these do not go by time."""
        return next((levels for name, levels in SPREADS.items() if getattr(self, name)), None)

    def sigma(self, timestep: float) -> float:
        """The noise level of a timestep in [0, T), interpolated linearly between whole ones."""
        return float(np.interp(timestep, self._timesteps, self.sigmas.numpy()))

    def timestep(self, sigma: float) -> float:
        """The timestep of a noise level; inverts ``sigma``, which it does by logarithms if walks do not go by time."""
        known, sought = self.sigmas.numpy(), sigma
        if self.spread is not None:
            known, sought = np.log(known), math.log(sigma)
        return float(np.interp(sought, known, self._timesteps))

    def time(self, level: Level) -> float:
        """The timestep that a network is told at a level."""
        return level.timestep if isinstance(level, TimedLevel) else self.timestep(level.sigma)

    def mixture(self, timesteps: Int[Tensor, " batch"]) -> tuple[PerMap, PerMap]:
        """``alpha`` and ``scale``, (B, 1, 1, 1) each, of integer timesteps (B,)."""
        kept = self.kept.to(timesteps.device)[timesteps].float()[:, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    def times(self, steps: int, spacing: Spacing, spare: int = 0) -> list[float]:
        """Timesteps of a walk of ``steps`` steps, noisiest first.

        Args:
            steps: how many.
            spacing: of the walk.
            spare: points of the division at the clean end that the walk leaves out; "trailing" knows none.
        """
        return [min(time, self.num_train_timesteps - 1) for time in SPACINGS[spacing](self, steps, spare)]

    def clean(self, noisy: Maps, answer: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
        """x0 of noisy latents and what the network predicts of them."""
        return FORESEEN[self.prediction_type](noisy, answer, alpha, scale)


@dataclass(frozen=True)
class TimedLevel(Level):
    """A position at which the network is told another timestep than that of the noise level.

    Attributes:
        timestep: the one it is told.
    """

    timestep: float = 0.0


OURS = Schedule()
"""The schedule of the models that ship, ``SCHEDULER`` in diffusers' words."""


# --- shares of new noise ---------------------------------------------------------------------------------------------


def _signal(fraction: float) -> float:
    return math.cos((fraction + 0.008) / 1.008 * math.pi / 2) ** 2


def _cosine(schedule: Schedule) -> Float32[Tensor, " timesteps"]:
    count = schedule.num_train_timesteps
    betas = [min(1 - _signal((step + 1) / count) / _signal(step / count), LARGEST_BETA) for step in range(count)]
    return torch.tensor(betas, dtype=torch.float32)


def _linear(schedule: Schedule) -> Float32[Tensor, " timesteps"]:
    return torch.linspace(schedule.beta_start, schedule.beta_end, schedule.num_train_timesteps)


def _linear_roots(schedule: Schedule) -> Float32[Tensor, " timesteps"]:
    return torch.linspace(schedule.beta_start**0.5, schedule.beta_end**0.5, schedule.num_train_timesteps) ** 2


BETAS: Mapping[str, Callable[[Schedule], Tensor]] = {
    "linear": _linear,
    "scaled_linear": _linear_roots,
    "squaredcos_cap_v2": _cosine,
}
"""Shares of new noise by ``beta_schedule``."""


def _drained(kept: Float32[Tensor, " timesteps"]) -> Float32[Tensor, " timesteps"]:
    """The same course of ``alpha``, moved and stretched until (all but) nothing is left in the end."""
    alpha = kept.sqrt()
    alpha = (alpha - alpha[-1]) * alpha[0] / (alpha[0] - alpha[-1])
    return alpha.square().clamp(min=LEAST_SIGNAL)


# --- spacings --------------------------------------------------------------------------------------------------------


def _linspace(schedule: Schedule, steps: int, spare: int) -> list[float]:
    times: list[float] = np.linspace(0, schedule.num_train_timesteps - 1, steps + spare)[::-1][:steps].tolist()
    return times


def _leading(schedule: Schedule, steps: int, spare: int) -> list[float]:
    stride = schedule.num_train_timesteps // (steps + spare)
    return [stride * (steps + spare - 1 - index) + schedule.steps_offset for index in range(steps)]


def _trailing(schedule: Schedule, steps: int, spare: int) -> list[float]:
    count = schedule.num_train_timesteps
    return [round(count - index * count / steps) - 1 for index in range(steps)]


SPACINGS: Mapping[str, Callable[[Schedule, int, int], list[float]]] = {
    "linspace": _linspace,
    "leading": _leading,
    "trailing": _trailing,
}
"""Timesteps of a walk by ``timestep_spacing``."""


# --- noise levels of walks that do not go by time --------------------------------------------------------------------


def _karras(largest: float, smallest: float, steps: int) -> list[float]:
    """Even in their root.

    Source: Karras et al. 2022 (arXiv:2206.00364), equation 5 with rho = 7.
    """
    first, last = (level ** (1 / KARRAS_POWER) for level in (largest, smallest))
    levels: list[float] = (np.linspace(first, last, steps) ** KARRAS_POWER).tolist()
    return levels


def _exponential(largest: float, smallest: float, steps: int) -> list[float]:
    """Even in their logarithm, and so in that of signal to noise."""
    levels: list[float] = np.exp(np.linspace(math.log(largest), math.log(smallest), steps)).tolist()
    return levels


def _beta(largest: float, smallest: float, steps: int) -> list[float]:
    """Quantiles of a beta distribution.

    Source: Lee et al. 2024 (arXiv:2407.12173), with alpha = beta = 0.6, over noise levels as diffusers has it.
    """
    quantiles = betaincinv(BETA_SHAPE, BETA_SHAPE, 1 - np.linspace(0, 1, steps))
    levels: list[float] = (smallest + quantiles * (largest - smallest)).tolist()
    return levels


SPREADS: Mapping[str, Spread] = {
    "use_karras_sigmas": _karras,
    "use_lu_lambdas": _exponential,
    "use_exponential_sigmas": _exponential,
    "use_beta_sigmas": _beta,
}
"""Noise levels by the setting that asks for them; the first counts."""


# --- what a network predicts -----------------------------------------------------------------------------------------


def alpha_scale(sigma: float) -> tuple[float, float]:
    """``alpha`` and ``scale`` of a noise level."""
    alpha = 1 / math.sqrt(1 + sigma**2)
    return alpha, sigma * alpha


def velocity(clean: Maps, noise: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """What our network predicts: ``v = alpha * noise - scale * x0``.

    Source: Salimans & Ho 2022 (arXiv:2202.00512), appendix D.
    """
    return alpha * noise - scale * clean


def clean(noisy: Maps, v: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """x0 of noisy latents and a velocity; inverts ``velocity``."""
    return alpha * noisy - scale * v


def _without(noisy: Maps, noise: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """x0 of noisy latents and the noise in them."""
    return (noisy - scale * noise) / alpha


def _itself(noisy: Maps, point: Maps, alpha: PerMap | float, scale: PerMap | float) -> Maps:
    """x0 of a network that predicts nothing else."""
    return point


FORESEEN: Mapping[str, Callable[..., Maps]] = {"v_prediction": clean, "epsilon": _without, "sample": _itself}
"""x0 of noisy latents and an answer, by ``prediction_type``."""
