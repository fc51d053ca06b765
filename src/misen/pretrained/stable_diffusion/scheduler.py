"""What a ``scheduler_config.json`` says of the noise, and which of our samplers is meant."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
CHOICES: Mapping[str, Mapping[str, Any]] = {
    "beta_schedule": BETAS,
    "prediction_type": FORESEEN,
    "timestep_spacing": SPACINGS,
}
UNFOLLOWED = (
    "sigma_max", "sigma_min", "thresholding", "use_beta_sigmas", "use_exponential_sigmas", "use_flow_sigmas",
    "use_lu_lambdas",
)  # fmt: skip
"""Settings of diffusers' schedulers that our samplers know nothing of."""


def schedule_of(config: Mapping[str, Any]) -> Schedule:
    """The schedule that a scheduler's configuration describes.

    Raises:
        ModelFileError: noise or prediction of a kind that is not known here, or no numbers where numbers belong.
    """
    known = {field.name for field in fields(Schedule)}
    stated = {name: value for name, value in config.items() if name in known and value is not None}
    for name, accepted in CHOICES.items():
        if name in stated and str(stated[name]) not in accepted:
            hint = closest(str(stated[name]), accepted)
            raise ModelFileError(f"the scheduler's {name} {stated[name]!r} is not known here", field=name, hint=hint)
    _admit(config)
    try:
        if "trained_betas" in stated:
            stated["trained_betas"] = tuple(stated["trained_betas"])
        schedule = Schedule(**{**UNSTATED, **stated})
        schedule.kept  # noqa: B018  # computed here, where it can be refused
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelFileError(f"the scheduler's configuration makes no sense: {error}", field="scheduler") from error
    return schedule


def sampler_of(config: Mapping[str, Any]) -> str:
    """The name of the sampler that a scheduler's configuration asks for."""
    return SAMPLER_OF.get(str(config.get("_class_name")), USUAL)


def _admit(config: Mapping[str, Any]) -> None:
    """Say which settings are not followed."""
    if ignored := [name for name in UNFOLLOWED if config.get(name)]:
        warnings.warn(f"the scheduler's {', '.join(ignored)} is not followed", stacklevel=4)
