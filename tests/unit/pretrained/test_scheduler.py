from __future__ import annotations

import diffusers
import numpy as np
import pytest
import torch

from foreign import SCHEDULER
from misen.core.errors import InputError, ModelFileError
from misen.generators.diffusion.samplers import SAMPLERS, samplers
from misen.generators.diffusion.schedule import OURS
from misen.generators.diffusion.schedule import SCHEDULER as OUR_WORDS
from misen.pretrained.stable_diffusion.scheduler import SAMPLER_OF, sampler_of, schedule_of

SCHEDULERS = {sampler: getattr(diffusers, scheduler) for scheduler, sampler in SAMPLER_OF.items()}
PLAIN = {name: value for name, value in SCHEDULER.items() if name != "clip_sample"}
CONFIGS = {
    "stable diffusion 1": PLAIN,
    "even": {**PLAIN, "timestep_spacing": "linspace"},
    "trailing": {**PLAIN, "timestep_spacing": "trailing", "prediction_type": "v_prediction"},
    "leading": {**PLAIN, "timestep_spacing": "leading", "steps_offset": 0},
    "linear": {"beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02},
    "given": {"trained_betas": [0.01 + 0.0001 * step for step in range(100)], "num_train_timesteps": 100},
}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [4, 7, 20])
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_levels_are_those_of_diffusers(name, config, steps):
    theirs, schedule = SCHEDULERS[name].from_config(CONFIGS[config]), schedule_of(CONFIGS[config])
    theirs.set_timesteps(steps)
    levels = samplers(schedule)[name](steps).levels(guided=False)
    sigmas = ((1 - theirs.alphas_cumprod) / theirs.alphas_cumprod).sqrt().numpy()
    times = list(dict.fromkeys(theirs.timesteps.tolist()))
    expected = np.interp(times, range(len(sigmas)), sigmas)
    assert [level.sigma for level in levels] == pytest.approx(expected.tolist(), rel=1e-4)
    assert [schedule.timestep(level.sigma) for level in levels] == pytest.approx(times, abs=1e-3)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("steps", [4, 7, 20])
@pytest.mark.parametrize("spacing", ["linspace", "leading", "trailing"])
@pytest.mark.parametrize("name", ["dpm++2m", "unipc", "euler", "heun"])
def test_levels_that_do_not_go_by_time_are_those_of_diffusers(name, spacing, steps):
    config = {**PLAIN, "timestep_spacing": spacing, "use_karras_sigmas": True}
    theirs, schedule = SCHEDULERS[name].from_config(config), schedule_of(config)
    theirs.set_timesteps(steps)
    levels = samplers(schedule)[name](steps).levels(guided=False)
    stages = 2 if name == "heun" else 1  # diffusers lists both stages of each step but the last
    assert [level.sigma for level in levels] == pytest.approx(theirs.sigmas[:-1][::stages].tolist(), rel=1e-4)
    times = theirs.timesteps[::stages].tolist()
    assert [schedule.time(level) for level in levels] == pytest.approx(times, abs=1e-2)
    assert levels[-1].next_sigma == 0


def test_ddim_goes_by_time_whatever_is_said():
    levels = [
        samplers(schedule_of({**PLAIN, "use_karras_sigmas": said}))["ddim"](7).levels(guided=False)
        for said in (False, True)
    ]
    assert [level.sigma for level in levels[0]] == [level.sigma for level in levels[1]]


def test_ddim_ends_where_its_scheduler_does():
    def end(**changes):
        return samplers(schedule_of({**PLAIN, **changes}))["ddim"](4).levels(guided=False)[-1].next_sigma

    assert end(set_alpha_to_one=True) == 0
    assert end() == pytest.approx(float(schedule_of(PLAIN).sigmas[0]))


def test_no_signal_is_left_where_none_should_be():
    theirs = diffusers.EulerDiscreteScheduler(**PLAIN_FOR_EULER, rescale_betas_zero_snr=True)
    schedule = schedule_of({**PLAIN, "rescale_betas_zero_snr": True})
    assert float(schedule.sigmas[-1]) == pytest.approx(4096, rel=1e-3)
    assert torch.allclose(schedule.kept.float(), theirs.alphas_cumprod, rtol=1e-3, atol=1e-6)


PLAIN_FOR_EULER = {name: value for name, value in PLAIN.items() if name != "set_alpha_to_one"}


def test_our_own_schedule_reads_back():
    assert schedule_of(OUR_WORDS).kept.equal(OURS.kept)
    assert samplers(OURS)["unipc"](9).levels(guided=False) == SAMPLERS["unipc"](9).levels(guided=False)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("prediction_type", "flow_prediction"), ("beta_schedule", "laplace"), ("timestep_spacing", "karras"),
     ("beta_start", "small"), ("num_train_timesteps", -3)],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(setting, value):
    with pytest.raises(ModelFileError, match=r"scheduler"):
        schedule_of({**PLAIN, setting: value})


def test_what_is_not_followed_is_said():
    with pytest.warns(UserWarning, match="thresholding, use_lu_lambdas is not followed"):
        schedule_of({**PLAIN, "use_lu_lambdas": True, "thresholding": True, "use_karras_sigmas": True})


def test_unknown_schedulers_get_the_usual_sampler():
    assert sampler_of({"_class_name": "HeunDiscreteScheduler"}) == "heun"
    assert sampler_of({"_class_name": "PNDMScheduler"}) == "dpm++2m"


@pytest.mark.parametrize("name", ["dpm++2m", "ddim"])
def test_more_steps_than_levels_of_noise_are_refused(name):
    schedule = schedule_of({**PLAIN, "num_train_timesteps": 100, "timestep_spacing": "leading"})
    with pytest.raises(InputError, match="cannot take 101 steps"):
        samplers(schedule)[name](101).levels(guided=False)
