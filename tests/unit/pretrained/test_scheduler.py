from __future__ import annotations

import inspect
from dataclasses import fields

import diffusers
import numpy as np
import pytest
import torch

from foreign import SCHEDULER
from misen.core.errors import InputError, ModelFileError
from misen.generators.diffusion.samplers import SAMPLERS, samplers
from misen.generators.diffusion.schedule import OURS, Schedule
from misen.generators.diffusion.schedule import SCHEDULER as OUR_WORDS
from misen.nn.description import read_json
from misen.pretrained.stable_diffusion.scheduler import ACCEPTED, NOISY_END, SAMPLER_OF, sampler_of, schedule_of

SCHEDULERS = {sampler: getattr(diffusers, scheduler) for scheduler, sampler in SAMPLER_OF.items()}
THEIRS = {sampler: scheduler for scheduler, sampler in SAMPLER_OF.items()}
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
@pytest.mark.parametrize(
    ("spread", "spacing", "bounds"),
    [
        ("use_karras_sigmas", "linspace", {}), ("use_karras_sigmas", "leading", {}),
        ("use_karras_sigmas", "trailing", {}), ("use_karras_sigmas", "leading", {"sigma_min": 0.1, "sigma_max": 9.0}),
        ("use_exponential_sigmas", "leading", {}), ("use_beta_sigmas", "trailing", {}),
        ("use_beta_sigmas", "linspace", {"sigma_min": 0.1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["dpm++2m", "unipc", "euler", "heun"])
def test_levels_that_do_not_go_by_time_are_those_of_diffusers(name, spread, spacing, bounds, steps):
    config = {**PLAIN, "timestep_spacing": spacing, spread: True, **bounds}
    if spread in ACCEPTED[THEIRS[name]]:
        with pytest.raises(ModelFileError, match=f"{spread} True .*accepted: False"):
            schedule_of({**config, "_class_name": THEIRS[name]})
        return
    theirs, schedule = SCHEDULERS[name].from_config(config), schedule_of(config)
    theirs.set_timesteps(steps)
    levels = samplers(schedule)[name](steps).levels(guided=False)
    stages = 2 if name == "heun" else 1  # diffusers lists both stages of each step but the last
    assert [level.sigma for level in levels] == pytest.approx(theirs.sigmas[:-1][::stages].tolist(), rel=1e-4)
    times = theirs.timesteps[::stages].tolist()
    assert [schedule.time(level) for level in levels] == pytest.approx(times, abs=1e-2)
    assert levels[-1].next_sigma == 0


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("spread", ["", "use_karras_sigmas", "use_lu_lambdas"])
@pytest.mark.parametrize("name", ["dpm++2m", "unipc"])
def test_walks_end_on_noise_where_those_of_diffusers_do(name, spread):
    config = {**PLAIN, "final_sigmas_type": "sigma_min", **({spread: True} if spread else {})}
    theirs, schedule = SCHEDULERS[name].from_config(config), schedule_of(config)
    theirs.set_timesteps(6)
    levels = samplers(schedule)[name](6).levels(guided=False)
    assert levels[-1].next_sigma == pytest.approx(float(theirs.sigmas[-1]), rel=1e-4)
    if not (name == "unipc" and spread == "use_lu_lambdas"):  # a setting that its scheduler does not have
        assert [schedule.time(level) for level in levels] == pytest.approx(theirs.timesteps.tolist(), abs=1e-2)
        assert [level.sigma for level in levels] == pytest.approx(theirs.sigmas[:-1].tolist(), rel=1e-4)


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
     ("beta_start", "small"), ("num_train_timesteps", -3), ("sigma_min", 0), ("sigma_max", "large"),
     ("lambda_min_clipped", "low")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(setting, value):
    with pytest.raises(ModelFileError, match=r"scheduler"):
        schedule_of({**PLAIN, setting: value})


WITHOUT_EFFECT = {
    "clip_sample_range", "dynamic_thresholding_ratio", "flow_shift", "sample_max_value", "shift_terminal",
    "time_shift_type",
}  # fmt: skip
"""Settings of something that is refused."""


@pytest.mark.parametrize("name", SAMPLER_OF)
def test_no_setting_of_a_scheduler_is_passed_over(name):
    own = inspect.signature(getattr(diffusers, name)).parameters
    followed = {field.name for field in fields(Schedule)}
    checked = {*ACCEPTED[name], *(NOISY_END if SAMPLER_OF[name] == "dpm++2m" else ()), "lambda_min_clipped"}
    assert set(own) - followed - checked - WITHOUT_EFFECT == set()
    assert set(ACCEPTED[name]) <= set(own)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", SAMPLER_OF)
def test_every_scheduler_opens_as_diffusers_writes_it(name, tmp_path):
    own = inspect.signature(getattr(diffusers, name)).parameters
    plain = {setting: value for setting, value in SCHEDULER.items() if setting in own}
    getattr(diffusers, name)(**plain).save_pretrained(tmp_path)
    config = read_json(tmp_path / "scheduler_config.json")
    assert sampler_of(config) == SAMPLER_OF[name]
    assert schedule_of(config).kept.equal(schedule_of(PLAIN).kept)


@pytest.mark.parametrize(
    ("name", "setting", "value", "accepted"),
    [
        ("DDIMScheduler", "clip_sample", True, "accepted: False"),
        ("DDIMScheduler", "thresholding", True, "accepted: False"),
        ("DPMSolverMultistepScheduler", "algorithm_type", "sde-dpmsolver++", "did you mean 'dpmsolver++'"),
        ("DPMSolverMultistepScheduler", "solver_order", 3, "accepted: 2"),
        ("DPMSolverMultistepScheduler", "solver_type", "heun", "accepted: midpoint"),
        ("DPMSolverMultistepScheduler", "variance_type", "learned", "leave it out"),
        ("DPMSolverMultistepScheduler", "use_flow_sigmas", True, "accepted: False"),
        ("DPMSolverMultistepScheduler", "lambda_min_clipped", -1.5, "accepted: up to -2.68"),
        ("DPMSolverMultistepScheduler", "final_sigmas_type", "one", "accepted: zero, sigma_min"),
        ("EulerDiscreteScheduler", "final_sigmas_type", "sigma_min", "accepted: zero"),
        ("EulerDiscreteScheduler", "interpolation_type", "log_linear", "accepted: linear"),
        ("EulerDiscreteScheduler", "timestep_type", "continuous", "accepted: discrete"),
        ("HeunDiscreteScheduler", "clip_sample", True, "accepted: False"),
        ("UniPCMultistepScheduler", "solver_type", "bh1", "did you mean 'bh2'"),
        ("UniPCMultistepScheduler", "disable_corrector", [0], "accepted: []"),
        ("UniPCMultistepScheduler", "lower_order_final", False, "accepted: True"),
        ("UniPCMultistepScheduler", "predict_x0", False, "accepted: True"),
        ("EDMEulerScheduler", "sigma_data", 0.5, "leave it out"),
        ("FlowMatchEulerDiscreteScheduler", "shift", 3.0, "leave it out"),
    ],
)
def test_what_no_sampler_follows_is_refused(name, setting, value, accepted):
    with pytest.raises(ModelFileError) as caught:
        schedule_of({**SCHEDULER, "_class_name": name, setting: value})
    assert (caught.value.field, caught.value.code) == (setting, "model-file")
    assert f"the scheduler's {setting} {value!r} is not known here" in str(caught.value)
    assert accepted in str(caught.value)
    assert "scheduler_config.json" in str(caught.value)


def test_what_makes_no_difference_is_let_be():
    dpm = {**PLAIN, "_class_name": "DPMSolverMultistepScheduler"}
    same = {"euler_at_final": True, "lower_order_final": False, "lambda_min_clipped": -5.1, "variance_type": None}
    assert schedule_of({**dpm, **same}) == schedule_of(dpm)
    for setting in ("euler_at_final", "lower_order_final"):
        with pytest.raises(ModelFileError, match=setting):
            schedule_of({**dpm, "final_sigmas_type": "sigma_min", setting: same[setting]})
    assert schedule_of({**PLAIN, "_class_name": "EulerDiscreteScheduler", "solver_order": 3, "thresholding": True})


def test_one_spread_at_a_time():
    with pytest.raises(ModelFileError, match="use_karras_sigmas and use_beta_sigmas"):
        schedule_of({**PLAIN, "use_karras_sigmas": True, "use_beta_sigmas": True})


def test_ddim_clips_unless_it_is_told_not_to():
    with pytest.raises(ModelFileError, match="clip_sample True"):
        schedule_of({**PLAIN, "_class_name": "DDIMScheduler"})


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_heun_has_numbers_of_its_own():
    theirs = diffusers.HeunDiscreteScheduler()
    schedule = schedule_of({"_class_name": "HeunDiscreteScheduler"})
    assert torch.allclose(schedule.kept.float(), theirs.alphas_cumprod)


def test_unknown_schedulers_get_the_usual_sampler():
    assert sampler_of({"_class_name": "HeunDiscreteScheduler"}) == "heun"
    assert sampler_of({"_class_name": "PNDMScheduler"}) == "dpm++2m"


@pytest.mark.parametrize("name", ["dpm++2m", "ddim"])
def test_more_steps_than_levels_of_noise_are_refused(name):
    schedule = schedule_of({**PLAIN, "num_train_timesteps": 100, "timestep_spacing": "leading"})
    with pytest.raises(InputError, match="cannot take 101 steps"):
        samplers(schedule)[name](101).levels(guided=False)
