"""Few-step students: pairs of times, the loss, and what it teaches."""

from __future__ import annotations

import copy

import pytest
import torch

from misen.core.generator import Level
from misen.generators.diffusion.consistency import ConsistencyPlayer, Curriculum, distance, earlier
from misen.generators.diffusion.schedule import Schedule, clean
from misen.generators.diffusion.state import Latents


def test_the_gap_is_halved_until_it_has_been_halved_often_enough():
    curriculum = Curriculum(halving=10, halvings=3)
    assert [curriculum.gap(step) for step in (0, 9, 10, 25, 30, 1000)] == [1, 1, 0.5, 0.25, 0.125, 0.125]


def test_the_earlier_time_lies_the_gap_before_and_never_below_zero():
    times = torch.tensor([1, 2, 500, 999])
    assert earlier(times, 1.0).tolist() == [0, 0, 0, 0]
    assert earlier(times, 0.5).tolist() == [0, 1, 250, 499]
    assert earlier(times, 2**-8).tolist() == [0, 1, 498, 995]


def test_distances_are_lengths_of_large_errors_and_squares_of_small_ones():
    zero, error = torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 8, 8)
    assert distance(zero, zero).item() == 0
    assert distance(100 * error, zero).item() == pytest.approx(100, rel=1e-3)
    small = distance(2e-5 * error, zero) / distance(1e-5 * error, zero)
    assert small.item() == pytest.approx(4, rel=1e-2)


def test_without_noise_what_is_foreseen_is_what_there_is(generator):
    latents = torch.randn(2, 4, 8, 8)
    sigma = generator.schedule.sigma(0)
    with torch.no_grad():
        point = generator.predict(Latents(latents), Level(0.0, sigma, 0.0), {}).point
    assert (point - latents).abs().max() <= 3 * sigma * latents.abs().max()


def player(generator, **curriculum) -> ConsistencyPlayer:
    student = copy.deepcopy(generator.denoiser).requires_grad_(True)
    return ConsistencyPlayer(student, generator.denoiser, generator.schedule, 3.0, Curriculum(**curriculum))


def test_the_first_pairs_teach_the_answer_of_the_guided_teacher(generator, conditions):
    """At gap 1 the goal is the teacher's own point under guidance, whatever the student says."""
    made, given, schedule = player(generator), conditions(3), Schedule()
    noisy, times = torch.randn(3, 4, 8, 8), torch.tensor([5, 400, 999])
    alpha, scale = schedule.mixture(times)
    with torch.no_grad():
        goal = made._goal(noisy, times, earlier(times, 1.0), given)
        alone, told = made.teacher(noisy, times, {}), made.teacher(noisy, times, given)
    assert torch.allclose(goal, clean(noisy, alone + 3.0 * (told - alone), alpha, scale), atol=1e-5)


def test_a_student_that_agrees_with_itself_has_nothing_to_learn(generator, conditions):
    """With a teacher and a student that foresee the same latents from everywhere, the loss vanishes at any gap."""
    goal, schedule = torch.randn(3, 4, 8, 8), Schedule()

    def sure(noisy, times, conditions):
        alpha, scale = schedule.mixture(times)
        return (alpha * noisy - goal) / scale

    made = player(generator, halving=1, halvings=8)
    made.student = made.teacher = sure
    for step in (0, 1, 4, 8):
        torch.manual_seed(step)
        loss, figures = made.loss({"latents": torch.randn(3, 4, 8, 8), "conditions": {}}, step)
        assert loss.item() < 1e-3
        assert figures == {"gap": 0.5**step}


@pytest.mark.parametrize("step", [0, 3])
def test_a_student_learns_and_its_teacher_does_not_change(generator, conditions, step):
    made = player(generator, halving=1, halvings=3)
    before = copy.deepcopy(generator.denoiser.state_dict())
    batch = {"latents": torch.randn(4, 4, 8, 8), "conditions": conditions(4)}
    optimizer = torch.optim.AdamW(made.module.parameters(), lr=3e-3)
    told = []
    for _ in range(12):
        torch.manual_seed(0)
        loss, _ = made.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(loss.item())
    assert told[-1] < 0.8 * told[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.denoiser.state_dict().items())
