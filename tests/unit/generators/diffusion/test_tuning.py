from __future__ import annotations

import pytest
import torch

from misen.core.generator import Tunable
from misen.core.seeding import Streams
from misen.generators.diffusion.schedule import Schedule
from misen.generators.diffusion.tuning import WANTED, errors

LATENTS = torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", WANTED)
def test_whoever_foresees_the_clean_latents_makes_no_error(kind):
    schedule = Schedule(prediction_type=kind)

    def right(noisy, timesteps, conditions):
        alpha, scale = schedule.mixture(timesteps)
        noise = (noisy - alpha * LATENTS) / scale
        return WANTED[kind](LATENTS, noise, alpha, scale)

    assert errors(right, schedule, LATENTS, {}, Streams([1, 2, 3])).max() < 1e-6


@pytest.mark.parametrize("kind", WANTED)
def test_what_is_wanted_is_what_the_schedule_understands(kind):
    schedule, noise = Schedule(prediction_type=kind), torch.randn_like(LATENTS)
    alpha, scale = schedule.mixture(torch.tensor([10, 500, 900]))
    wanted = WANTED[kind](LATENTS, noise, alpha, scale)
    understood = schedule.clean(alpha * LATENTS + scale * noise, wanted, alpha, scale)
    torch.testing.assert_close(understood, LATENTS, atol=1e-4, rtol=1e-4)


def test_an_item_has_the_same_error_in_any_batch(generator, conditions):
    assert isinstance(generator, Tunable)
    with torch.no_grad():
        together = generator.loss(LATENTS, conditions(3), Streams([1, 2, 3]))
        alone = generator.loss(LATENTS[1:2], {k: v[1:2] for k, v in conditions(3).items()}, Streams([2]))
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-5)


def test_a_twin_learns_by_itself(generator):
    twin = generator.twin()
    with torch.no_grad():
        before, *_ = [p.clone() for p in generator.network.parameters()]
        for parameter in twin.network.parameters():
            parameter += 1
    assert torch.equal(next(generator.network.parameters()), before)
    assert twin.autoencoder is generator.autoencoder
    assert twin.network is not generator.network


def test_errors_reach_conditions_through_a_frozen_network(generator, condition):
    given = condition("words", 3)
    given.value.requires_grad_()
    generator.loss(LATENTS, {"words": given}, Streams([1, 2, 3])).sum().backward()
    assert given.value.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in generator.network.parameters())
