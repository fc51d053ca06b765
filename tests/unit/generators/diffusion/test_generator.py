from __future__ import annotations

import pytest
import torch

from misen.core.condition import Condition
from misen.core.generator import Generator, Level, Precise, Projectable, Startable, Trainable
from misen.core.seeding import Streams
from misen.generators.diffusion.players import draw_presence, draw_timesteps
from misen.generators.diffusion.samplers import DpmSolver
from misen.generators.diffusion.schedule import TIMESTEPS, Schedule

LEVEL = Level(0.3, 0.8, 0.5)


def test_capabilities(generator):
    assert all(isinstance(generator, kind) for kind in (Startable, Projectable, Precise, Trainable))
    answering: Generator = generator
    assert set(answering.ports) == {"words", "triples", "lines", "parts", "traits"}
    assert all(port.trained_on == {name} for name, port in answering.ports.items())
    assert answering.size == 32


def test_without_ports_the_walk_is_the_stock_forward(generator, condition):
    noisy, timestep = torch.randn(2, 4, 8, 8), torch.tensor([100, 700])
    words = condition("words", 2)
    made = generator.denoiser(noisy, timestep, {"words": words})
    assert torch.equal(made, generator.denoiser.unet(noisy, timestep, words.value).sample)


def test_sizes_that_do_not_halve_evenly(generator, condition):
    noisy, timestep = torch.randn(1, 4, 9, 7), torch.tensor([300])
    words = condition("words", 1)
    made = generator.denoiser(noisy, timestep, {"words": words})
    assert torch.equal(made, generator.denoiser.unet(noisy, timestep, words.value).sample)


def test_absent_conditions_are_exactly_no_condition(generator, conditions):
    state, absent = generator.start(2, Streams([1, 2])), torch.zeros(2, dtype=torch.bool)
    nothing = generator.predict(state, LEVEL, {}).point
    nulls = {name: given.where(absent) for name, given in conditions(2).items()}
    assert torch.equal(generator.predict(state, LEVEL, nulls).point, nothing)


@pytest.mark.parametrize("name", ["words", "triples", "lines", "parts", "traits"])
def test_every_port_changes_its_items_and_passes_gradients(generator, condition, name):
    state, given = generator.start(2, Streams([1, 2])), condition(name, 2)
    given.value.requires_grad_()
    half = given.where(torch.tensor([True, False]))
    point = generator.predict(state, LEVEL, {name: half}).point
    nothing = generator.predict(state, LEVEL, {}).point
    assert (point[0] - nothing[0]).abs().max() > 1e-4
    assert torch.allclose(point[1], nothing[1], atol=1e-6)
    point.square().sum().backward()
    assert given.value.grad[0].abs().max() > 0
    assert given.value.grad[1].abs().max() == 0


def test_hidden_tokens_do_not_matter(generator, condition):
    state, given = generator.start(1, Streams([1])), condition("triples", 1)
    mask = torch.tensor([[True, True, False]])
    changed = given.value.clone()
    changed[:, 2] = 9.0
    points = [
        generator.predict(state, LEVEL, {"triples": Condition("tokens", value, given.present, mask)}).point
        for value in (given.value, changed)
    ]
    assert torch.equal(*points)


def test_picture_k_of_a_batch_is_the_single_one(generator, conditions):
    seeds, given = [5, 6, 7], conditions(3)
    batch = generator.predict(generator.start(3, Streams(seeds)), LEVEL, given).point
    single = generator.predict(
        generator.start(1, Streams(seeds[1:2])), LEVEL, {name: some[1:2] for name, some in given.items()}
    ).point
    assert torch.allclose(batch[1:2], single, atol=1e-5)


def test_full_precision_is_what_a_caller_without_autocast_gets(generator, conditions):
    generator.denoiser.unet.conv_in.weight *= 1e6  # beyond float16
    state, given = generator.start(2, Streams([1, 2])), conditions(2)
    plain = generator.predict(state, LEVEL, given).point
    with torch.autocast("cpu", torch.float16):
        assert not generator.predict(state, LEVEL, given).point.isfinite().all()
        with generator.full_precision() as exact:
            assert torch.equal(exact.predict(state, LEVEL, given).point, plain)
            assert torch.equal(exact.finish(state), exact.finish(state).float())


def test_strength_zero_is_decode_of_encode(generator):
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    again = generator.finish(generator.restart(generator.encode(image), None, Streams([0, 1])))
    scale = generator.autoencoder.config.scaling_factor
    latents = generator.autoencoder.encode(image).latent_dist.mode() * scale
    expected = generator.autoencoder.decode(latents / scale).sample.clamp(-1, 1)
    assert torch.equal(again, expected)


def test_restart_adds_the_noise_of_its_level(generator):
    point, rng = torch.zeros(1, 4, 8, 8), Streams([3])
    level = DpmSolver(10).levels(guided=False)[4]
    noise = generator.restart(point, level, rng).value
    assert noise.std().item() == pytest.approx((level.sigma**2 / (1 + level.sigma**2)) ** 0.5, rel=0.2)


def test_estimates_show_pictures_through_which_gradients_flow(generator):
    estimate = generator.predict(generator.start(1, Streams([1])), LEVEL, {})
    point = (30 * estimate.point).requires_grad_()
    view = estimate.view(point)
    assert view.image.shape == (1, 3, 32, 32)
    assert view.image.abs().max() <= 1
    assert view.level == LEVEL.progress
    view.image.sum().backward()
    assert point.grad.abs().min() > 0


def test_cells_are_free_if_any_pixel_is(generator):
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 5, 30] = 1
    known = generator.known(mask)
    assert known.shape == (1, 1, 8, 8)
    assert known.sum() == 1
    assert known[..., 1, 7] == 1


def test_timesteps_and_noise_levels_correspond():
    schedule = Schedule()
    assert all(schedule.timestep(schedule.sigma(step)) == pytest.approx(step, abs=1e-6) for step in (0, 1, 500, 999))
    assert 500 < schedule.timestep((schedule.sigma(500) + schedule.sigma(501)) / 2) < 501
    assert torch.equal(schedule.sigmas, schedule.sigmas.sort().values)


def test_the_player_learns(generator, conditions):
    (player,) = generator.players()
    player.module.requires_grad_(True).train()
    batch = {"latents": torch.randn(4, 4, 8, 8), "conditions": conditions(4)}
    optimizer = torch.optim.AdamW(player.module.parameters(), lr=3e-3)
    losses = []
    for step in range(25):
        torch.manual_seed(0)
        loss, figures = player.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] * 0.7
    assert set(figures) == {"clear", "noisy"}


def test_times_and_presence_are_drawn_as_described():
    torch.manual_seed(0)
    times = draw_timesteps(4000)
    assert times.min() >= 0
    assert times.max() < TIMESTEPS
    assert (times > 985).float().mean() > 0.002
    presence = draw_presence([3.0, 1.0, 1.0, 1.0, 1.0], 8000, torch.Generator().manual_seed(0))
    counts = presence.sum(1)
    shares = [(counts == count).float().mean().item() for count in range(6)]
    assert shares == pytest.approx([0.1, 0.5, 0.1, 0.1, 0.1, 0.1], abs=0.02)
    only = presence[counts == 1].float().mean(0)
    assert only[0].item() == pytest.approx(3 / 7, abs=0.03)
