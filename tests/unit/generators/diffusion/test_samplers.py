from __future__ import annotations

import diffusers
import pytest
import torch

from misen.core.estimate import Estimate
from misen.core.seeding import Streams
from misen.core.view import View
from misen.generators.diffusion.samplers import SAMPLERS, aimed
from misen.generators.diffusion.schedule import SCHEDULER, alpha_scale, velocity
from misen.generators.diffusion.state import Latents

STEPS = 10
ADDS_NOISE = {"euler", "heun"}
"""Schedulers that work where noise is only ever added, from its start at 20,000 on."""
SCHEDULERS = {
    "ddim": lambda: diffusers.DDIMScheduler(**SCHEDULER, clip_sample=False, set_alpha_to_one=True),
    "euler": lambda: diffusers.EulerDiscreteScheduler(**SCHEDULER),
    "heun": lambda: diffusers.HeunDiscreteScheduler(**SCHEDULER),
    "dpm++2m": lambda: diffusers.DPMSolverMultistepScheduler(**SCHEDULER, algorithm_type="dpmsolver++", solver_order=2),
    "unipc": lambda: diffusers.UniPCMultistepScheduler(**SCHEDULER, solver_order=2),
}


def foreseen(latents: torch.Tensor) -> torch.Tensor:
    """A fixed function of unit-variance latents that stands for a network's clean latents."""
    return torch.tanh(latents) * 0.8 + 0.1


def walk(name: str, latents: torch.Tensor, levels) -> torch.Tensor:
    sampler, state = SAMPLERS[name](len(levels)), Latents(latents)
    for level in levels:
        state = sampler.step(state, level, lambda state, level: Estimate(foreseen(state.value), View), Streams([0]))
    return state.value


def ours(name: str, noise: torch.Tensor, steps: int = STEPS) -> torch.Tensor:
    return walk(name, noise, SAMPLERS[name](steps).levels(guided=False))


def theirs(name: str, latents: torch.Tensor) -> torch.Tensor:
    """The walk of diffusers' scheduler; Euler and Heun begin at the second level, where float32 is exact enough."""
    scheduler = SCHEDULERS[name]()
    scheduler.set_timesteps(STEPS)
    adds_noise = name in ADDS_NOISE
    timesteps = scheduler.timesteps[{"euler": 1, "heun": 2}.get(name, 0) :]
    if adds_noise:
        scheduler.set_begin_index(scheduler.index_for_timestep(timesteps[0]))
        latents = latents * (scheduler.sigmas[scheduler.begin_index] ** 2 + 1) ** 0.5
    for timestep in timesteps:
        scaled = scheduler.scale_model_input(latents, timestep)
        alpha = scheduler.alphas_cumprod[int(timestep)].sqrt()
        v = (alpha * scaled - foreseen(scaled)) / (1 - alpha**2).sqrt()
        latents = scheduler.step(v, timestep, latents).prev_sample
    return latents


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_parity_with_diffusers(name):
    noise = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    levels = SAMPLERS[name](STEPS).levels(guided=False)[1 if name in ADDS_NOISE else 0 :]
    gap = (walk(name, noise, levels) - theirs(name, noise)).abs().max()
    assert gap <= 1e-5


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_perfect_network_is_reached_exactly(name):
    goal, noise = torch.full((1, 4, 8, 8), 0.3), torch.randn(1, 4, 8, 8)
    sampler, state = SAMPLERS[name](5), Latents(noise)
    for level in sampler.levels(guided=True):
        state = sampler.step(state, level, lambda state, level: Estimate(goal, View), Streams([0]))
    assert torch.allclose(state.value, goal, atol=1e-4)


def test_levels_fall_to_zero_and_progress_rises():
    levels = SAMPLERS["ddim"](20).levels(guided=False)
    assert [level.next_sigma for level in levels[:-1]] == [level.sigma for level in levels[1:]]
    assert levels[-1].next_sigma == 0
    assert [level.progress for level in levels] == [index / 20 for index in range(20)]
    assert all(level.next_sigma < level.sigma for level in levels)


def test_second_order_solvers_beat_the_first_order_one():
    noise = torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    exact = ours("heun", noise, 400)
    gaps = {name: (ours(name, noise, 12) - exact).abs().mean().item() for name in SCHEDULERS}
    assert gaps["euler"] == pytest.approx(gaps["ddim"], rel=1e-3)
    assert max(gaps["heun"], gaps["dpm++2m"], gaps["unipc"]) < gaps["ddim"]


def test_velocity_and_clean_latents_invert_each_other():
    from misen.generators.diffusion.schedule import clean

    alpha, scale = alpha_scale(0.7)
    x0, noise = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    v = velocity(x0, noise, alpha, scale)
    assert torch.allclose(clean(alpha * x0 + scale * noise, v, alpha, scale), x0, atol=1e-6)
    assert alpha**2 + scale**2 == pytest.approx(1)


def test_consistency_puts_fresh_noise_on_what_is_foreseen():
    goal, [first, second] = torch.full((2, 4, 8, 8), 0.3), SAMPLERS["consistency"](2).levels(guided=False)
    step = lambda seeds, level: (  # noqa: E731
        SAMPLERS["consistency"](2)
        .step(Latents(torch.zeros(2, 4, 8, 8)), level, lambda state, level: Estimate(goal, View), Streams(seeds))
        .value
    )
    alpha, scale = alpha_scale(first.next_sigma)
    noise = (step([1, 2], first) - alpha * goal) / scale
    assert noise.std() == pytest.approx(1, abs=0.1)
    assert torch.equal(step([1, 2], first)[1], step([3, 2], first)[1])
    assert not torch.equal(step([1, 2], first)[0], step([3, 2], first)[0])
    assert torch.equal(step([1, 2], second), goal)


@pytest.mark.parametrize("name", list(SAMPLERS))
def test_a_step_taken_back_has_the_noise_of_where_it_began(name):
    """Of clean latents that are all the same, the spread is the noise's and the mean the signal's."""
    goal = torch.full((1, 4, 64, 64), 0.3)
    for level in SAMPLERS[name](10).levels(guided=False)[1:]:
        alpha, scale = alpha_scale(level.next_sigma)
        state = Latents(alpha * goal + scale * torch.randn_like(goal))
        back = SAMPLERS[name](10).back(state, level, Streams([4]))
        wanted_alpha, wanted_scale = alpha_scale(level.sigma)
        assert back.value.std() == pytest.approx(wanted_scale, rel=0.03)
        assert back.value.mean() == pytest.approx(0.3 * wanted_alpha, abs=0.04)
        assert back.history == ()


# --- what energies moved ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ddim", "euler", "dpm++2m", "unipc", "consistency"])
def test_the_first_step_takes_all_of_a_move_since_noise_is_told_by_what_the_network_foresaw(name):
    sampler, noise = SAMPLERS[name](STEPS), torch.randn(1, 4, 8, 8)
    level, move = sampler.levels(guided=True)[5], torch.randn(1, 4, 8, 8)
    step = lambda estimate: sampler.step(Latents(noise), level, lambda state, level: estimate, Streams([0])).value  # noqa: E731
    free = step(Estimate(foreseen(noise), View))
    moved = step(Estimate(foreseen(noise) + move, View, guess=foreseen(noise)))
    assert torch.allclose(moved - free, alpha_scale(level.next_sigma)[0] * move, atol=1e-4)


def test_a_point_that_nothing_moved_is_stepped_towards_as_it_is():
    point, level = torch.randn(1, 4, 8, 8), SAMPLERS["ddim"](STEPS).levels(guided=True)[3]
    assert aimed(Estimate(point, View), level) is point
    assert torch.allclose(aimed(Estimate(point, View, guess=point), level), point)


def test_doubt_falls_from_all_that_latents_vary_to_little():
    levels = SAMPLERS["ddim"](20).levels(guided=True)
    doubts = [SAMPLERS["ddim"](20).doubt(level) for level in levels]
    assert doubts == sorted(doubts, reverse=True)
    assert doubts[0] == pytest.approx(1, abs=0.01)
    assert 0 < doubts[-1] < 0.2
