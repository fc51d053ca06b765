"""What a ``scheduler_config.json`` says of the noise, and which of our samplers is meant.

What is said is followed, or makes no difference, or is refused: no picture differs from diffusers' without a word.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from misen.core.errors import ModelFileError, closest
from misen.generators.diffusion.schedule import BETAS, FORESEEN, SPACINGS, Schedule

SAMPLER_OF: Mapping[str, str] = {
    "DDIMScheduler": "ddim",
    "DPMSolverMultistepScheduler": "dpm++2m",
    "EulerDiscreteScheduler": "euler",
    "HeunDiscreteScheduler": "heun",
    "UniPCMultistepScheduler": "unipc",
}
USUAL = "dpm++2m"
"""Stands in for every scheduler that we have no sampler of."""
UNSTATED: Mapping[str, Any] = {
    "beta_schedule": "linear",
    "prediction_type": "epsilon",
    "timestep_spacing": None,
    "steps_offset": 0,
}
"""What diffusers takes for what a file leaves out, where that differs from our own schedule."""
UNSTATED_OF: Mapping[str, Mapping[str, Any]] = {
    "DDIMScheduler": {"clip_sample": True},
    "HeunDiscreteScheduler": {"beta_start": 0.00085, "beta_end": 0.012},
}
"""The same of one scheduler alone."""
CHOICES: Mapping[str, Sequence[str]] = {
    "beta_schedule": tuple(BETAS),
    "prediction_type": tuple(FORESEEN),
    "timestep_spacing": tuple(SPACINGS),
    "final_sigmas_type": ("zero", "sigma_min"),
}
"""Settings that every sampler follows, in all of these forms."""
FLOWING: Mapping[str, Sequence[Any]] = {"use_flow_sigmas": (False,), "use_dynamic_shifting": (False,)}
TRUNCATED: Mapping[str, Sequence[Any]] = {"use_beta_sigmas": (False,), "use_exponential_sigmas": (False,)}
"""Levels of which diffusers tells the network a timestep cut off to a whole one, as its numbers happen to round."""
ACCEPTED: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "DDIMScheduler": {"clip_sample": (False,), "thresholding": (False,)},
    "DPMSolverMultistepScheduler": {
        "algorithm_type": ("dpmsolver++", "deis"),
        "solver_order": (2,),
        "solver_type": ("midpoint", "logrho", "bh1", "bh2"),
        "thresholding": (False,),
        "variance_type": (),
        **FLOWING,
        **TRUNCATED,
    },
    "EulerDiscreteScheduler": {
        "final_sigmas_type": ("zero",),
        "interpolation_type": ("linear",),
        "timestep_type": ("discrete",),
    },
    "HeunDiscreteScheduler": {"clip_sample": (False,)},
    "UniPCMultistepScheduler": {
        "disable_corrector": ([],),
        "lower_order_final": (True,),
        "predict_x0": (True,),
        "solver_order": (2,),
        "solver_p": (),
        "solver_type": ("bh2", "midpoint", "heun", "logrho"),
        "thresholding": (False,),
        **FLOWING,
        **TRUNCATED,
    },
}
"""What a scheduler's own settings may be, of which our sampler knows no other; diffusers reads all but the first as it.

A setting that is not stated, or null, is as our sampler has it.
"""
NOISY_END: Mapping[str, Sequence[Any]] = {"euler_at_final": (False,), "lower_order_final": (True,)}
"""The same of ``DPMSolverMultistepScheduler`` where its last step leaves noise; else they make no difference."""
OTHERWISE: Mapping[str, Sequence[Any]] = {"shift": (), "sigma_data": (), **FLOWING}
"""The same of schedulers that another sampler stands in for: their noise must be described by betas."""


def schedule_of(config: Mapping[str, Any]) -> Schedule:
    """The schedule that a scheduler's configuration describes.

    Raises:
        ModelFileError: noise, prediction or solver of a kind that is not known here, or what makes no sense.
    """
    _admit(config)
    known = {field.name for field in fields(Schedule)}
    said = {**UNSTATED, **UNSTATED_OF.get(_class(config), {}), **_stated(config)}
    try:
        schedule = Schedule(**{name: _value(name, value) for name, value in said.items() if name in known})
        _require_unclipped(schedule, config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"the scheduler's configuration makes no sense: {error}", field="scheduler") from error
    return schedule


def sampler_of(config: Mapping[str, Any]) -> str:
    """The name of the sampler that a scheduler's configuration asks for."""
    return SAMPLER_OF.get(_class(config), USUAL)


def _class(config: Mapping[str, Any]) -> str:
    return str(config.get("_class_name"))


def _stated(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that are not null."""
    return {name: value for name, value in config.items() if value is not None}


def _value(name: str, value: Any) -> Any:
    """A setting as the schedule takes it; raises ``ValueError`` for a noise level that is none."""
    if name == "trained_betas":
        return tuple(value)
    if name in ("sigma_min", "sigma_max") and not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}")
    return value


# --- what is refused -------------------------------------------------------------------------------------------------


def _admit(config: Mapping[str, Any]) -> None:
    """Refuse what no sampler of ours follows."""
    stated = {**UNSTATED_OF.get(_class(config), {}), **_stated(config)}
    for name, accepted in _rules(config).items():
        if name in stated and stated[name] not in accepted:
            raise _refusal(name, stated[name], accepted)
    several = [name for name in ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas") if stated.get(name)]
    if len(several) > 1:
        message = f"the scheduler's configuration makes no sense: it states {' and '.join(several)}"
        raise ModelFileError(message, field="scheduler", hint="state one of them")


def _rules(config: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    """What the settings of a configuration may be."""
    rules = {**CHOICES, **ACCEPTED.get(_class(config), OTHERWISE)}
    leaves_noise = sampler_of(config) == "dpm++2m" and config.get("final_sigmas_type") == "sigma_min"
    return {**rules, **NOISY_END} if leaves_noise else rules


def _refusal(name: str, value: Any, accepted: Sequence[Any]) -> ModelFileError:
    hint = closest(str(value), map(str, accepted)) if accepted else "leave it out"
    message = f"the scheduler's {name} {value!r} is not known here"
    return ModelFileError(message, field=name, hint=f"{hint}; it is stated in scheduler_config.json")


def _require_unclipped(schedule: Schedule, config: Mapping[str, Any]) -> None:
    """Refuse walks that begin at another logarithm of signal to noise than the schedule's least."""
    clipped, least = float(_stated(config).get("lambda_min_clipped", -math.inf)), -math.log(schedule.sigmas[-1])
    if sampler_of(config) == USUAL and clipped > least:
        raise _refusal("lambda_min_clipped", clipped, [f"up to {least:.2f}"])
