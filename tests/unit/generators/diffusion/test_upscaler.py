"""The upscaler, small and with random weights."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.errors import ModelFileError
from misen.core.generator import Generator, Precise
from misen.core.image import from_bytes, to_bytes
from misen.core.seeding import Streams
from misen.core.upscaler import Upscaler as UpscalerProtocol
from misen.generators.diffusion.upscaler import folder as files
from misen.generators.diffusion.upscaler.disturbance import GRAIN, add_grain, disturb
from misen.generators.diffusion.upscaler.enlargement import SPREAD, Habits, Upscaler
from misen.generators.diffusion.upscaler.network import NetworkSettings, UpscalingNetwork
from misen.generators.diffusion.upscaler.players import CLEAN, NOISE, UpscalingPlayer, crop, draw_levels, draw_timesteps
from misen.generators.diffusion.upscaler.resolution import enlarge, faithful, retreat, shrink
from misen.nn import weights
from misen.nn.description import CARD
from misen.synthesis.enlarge import enlarge as make_large

SMALL, RATIO = 16, 4
SETTINGS = NetworkSettings(channels=(8, 8, 8), units=(1, 1, 1), embedding=8)


def network(size: float = 0.1) -> UpscalingNetwork:
    """Random weights, as large as ``size``, also where training begins with nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = UpscalingNetwork(SETTINGS)
        for parameter in made.requires_grad_(False).parameters():
            parameter += size * torch.randn_like(parameter)
    return made


@pytest.fixture
def upscaler() -> Upscaler:
    return Upscaler(network(), SMALL)


@pytest.fixture
def images() -> torch.Tensor:
    """Three pictures of smooth colors, as files hold them."""
    coarse = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return from_bytes(to_bytes(torch.nn.functional.interpolate(coarse, SMALL, mode="bilinear")))


def rms(difference: torch.Tensor) -> torch.Tensor:
    return difference.square().mean(dim=(1, 2, 3)).sqrt()


# --- between two resolutions -----------------------------------------------------------------------------------------


def test_a_faithful_picture_is_the_nearest_within_the_tolerance(images):
    large = enlarge(images, RATIO) + 0.3 * torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    corrected = faithful(large, images, RATIO, 0.05)
    before, after = rms(shrink(large, RATIO) - images), rms(shrink(corrected, RATIO) - images)
    assert (before > 0.06).all()
    torch.testing.assert_close(after, torch.full((3,), 0.05))
    torch.testing.assert_close(rms(corrected - large), before - 0.05)
    detail = [picture - enlarge_flat(shrink(picture, RATIO)) for picture in (large, corrected)]
    torch.testing.assert_close(*detail)


def enlarge_flat(small: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.interpolate(small, scale_factor=RATIO)


def test_a_picture_within_the_tolerance_stays_as_it_is(images):
    flat = enlarge_flat(images)
    assert torch.equal(faithful(flat, images, RATIO, 0.05), flat)


def test_a_retreat_stays_in_range_and_goes_no_further_than_it_must(images):
    extreme = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2)).sign()
    kept = retreat(extreme, images, RATIO, 0.05)
    torch.testing.assert_close(rms(shrink(kept, RATIO) - images), torch.full((3,), 0.05))
    assert kept.abs().max() <= 1
    assert torch.equal(retreat(enlarge_flat(images), images, RATIO, 0.05), enlarge_flat(images))


# --- disturbance -----------------------------------------------------------------------------------------------------


def test_level_zero_disturbs_nothing(images):
    torch.testing.assert_close(disturb(images, torch.zeros(3)), images)


def test_grain_is_as_strong_as_its_level():
    images, noise = torch.zeros(2, 3, 64, 64), torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    grains = rms(add_grain(images, torch.tensor([0.5, 1.0]), noise))
    torch.testing.assert_close(grains, GRAIN * torch.tensor([0.5, 1.0]), rtol=0.05, atol=0)


def test_disturbance_differs_from_picture_to_picture_and_grows_with_its_level(images):
    torch.manual_seed(0)
    hurt = rms(disturb(images[:1].repeat(64, 1, 1, 1), torch.linspace(0, 1, 64)) - images[:1])
    assert torch.corrcoef(torch.stack([hurt, torch.linspace(0, 1, 64)]))[0, 1] > 0.8


# --- the network -----------------------------------------------------------------------------------------------------


def test_an_untrained_network_foresees_no_velocity():
    fresh = UpscalingNetwork(SETTINGS)
    noisy, small = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 8, 8)
    assert torch.equal(fresh(noisy, small, torch.tensor([0.0, 999.0]), torch.zeros(2)), torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize("changed", ["noisy", "small", "timestep", "level"])
def test_everything_it_is_told_counts(changed):
    given = {"noisy": torch.zeros(1, 3, 32, 32), "small": torch.zeros(1, 3, 8, 8)}
    given |= {"timestep": torch.tensor([500.0]), "level": torch.tensor([0.5])}
    heard = network()
    other = {**given, changed: given[changed] + 0.3}
    assert not torch.equal(heard(**given), heard(**other))


# --- enlarging -------------------------------------------------------------------------------------------------------


def test_it_is_what_the_core_asks_for(upscaler, images):
    assert isinstance(upscaler, UpscalerProtocol)
    generator = upscaler.over(images, Streams((1, 2, 3)))
    assert isinstance(generator, Generator)
    assert isinstance(generator, Precise)
    assert (generator.size, upscaler.size, len(upscaler.sampler().levels(guided=False))) == (64, 64, 3)


@pytest.mark.parametrize("size", [0.0, 0.1, 1.0])
def test_what_is_made_shrinks_to_what_was_given(images, size):
    """Whatever the network says."""
    made = make_large(Upscaler(network(size), SMALL), images, (1, 2, 3))
    assert made.shape == (3, 3, 64, 64)
    assert made.abs().max() <= 1
    assert (rms(shrink(made, RATIO) - images) <= 0.03).all()


def test_the_picture_and_its_seed_decide_and_nothing_else(upscaler, images):
    made = make_large(upscaler, images, (1, 2, 3))
    assert torch.equal(make_large(upscaler, images, (1, 2, 3)), made)
    single = make_large(upscaler, images[1:2], (2,))
    torch.testing.assert_close(single[0], made[1], rtol=0, atol=1e-4)
    assert not torch.equal(make_large(upscaler, images[1:2], (3,)), single)
    assert torch.equal(make_large(upscaler, images[1:2] + 1e-4, (2,)), single)  # a file would not tell them apart


def test_a_point_is_the_residual_of_the_picture_it_shows(upscaler, images):
    generator, rng = upscaler.over(images, Streams((1, 2, 3))), Streams((1, 2, 3))
    level = upscaler.sampler().levels(guided=False)[0]
    estimate = generator.predict(generator.start(3, rng), level, {})
    shown = estimate.view(estimate.point).image
    torch.testing.assert_close(shown, generator.base + SPREAD * estimate.point)
    assert (rms(shrink(shown, RATIO) - images) <= upscaler.habits.tolerance + 1e-5).all()


def test_the_level_of_noise_is_a_habit(images):
    made = [Upscaler(network(), SMALL, Habits(level=level)).over(images, Streams((1, 2, 3))) for level in (0.0, 0.5)]
    assert torch.equal(made[0].noisy, images)
    torch.testing.assert_close(rms(made[1].noisy - images), torch.full((3,), GRAIN * 0.5), rtol=0.1, atol=0)


# --- learning --------------------------------------------------------------------------------------------------------


def test_crops_fit_what_they_are_crops_of(images):
    corners = torch.tensor([[0, 0], [3, 1], [8, 8]])
    parts = crop(enlarge_flat(images), RATIO * corners, RATIO * 8)
    torch.testing.assert_close(shrink(parts, RATIO), crop(images, corners, 8))
    assert torch.equal(crop(images, corners, 8)[1], images[1, :, 3:11, 1:9])


def test_draws_are_in_range_and_visit_their_ends():
    torch.manual_seed(0)
    levels, times = draw_levels(4000), draw_timesteps(4000)
    assert 0 <= float(levels.min()) <= float(levels.max()) < 1
    assert 0 <= int(times.min()) <= int(times.max()) == 999
    assert float((levels == 0).float().mean()) == pytest.approx(CLEAN, abs=0.03)
    assert float((times == 999).float().mean()) == pytest.approx(NOISE, abs=0.03)


def test_a_network_learns_what_is_beyond_interpolation(images):
    """A checkered pattern on every picture, which no small picture shows."""
    torch.manual_seed(0)
    pattern = 0.1 * (torch.arange(64) // 2 % 2 * 2 - 1)
    large = enlarge_flat(images) * 0.8 + pattern[:, None] * pattern * 10
    batch = {"small": shrink(large, RATIO), "large": crop(large, torch.zeros(3, 2).long(), 32)}
    batch["corners"] = torch.zeros(3, 2, dtype=torch.int64)
    player = UpscalingPlayer(UpscalingNetwork(SETTINGS), perceptual=0.0)
    optimizer = torch.optim.Adam(player.module.parameters(), 2e-2)
    losses = []
    for step in range(100):
        loss, figures = player.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(figures["l1"])
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])


# --- as a folder -----------------------------------------------------------------------------------------------------


def test_a_folder_is_opened_as_it_was_saved(tmp_path, upscaler, images):
    habits = replace(upscaler.habits, steps=2, level=0.2)
    weights.save(upscaler.network, tmp_path, dict(files.describe(upscaler.network, SMALL, habits)))
    opened = files.load(tmp_path)
    assert (opened.small, opened.size, opened.habits) == (SMALL, 64, habits)
    assert not any(parameter.requires_grad for parameter in opened.network.parameters())
    again = Upscaler(upscaler.network, SMALL, habits)
    gap = make_large(opened, images, (1, 2, 3)) - make_large(again, images, (1, 2, 3))
    assert gap.abs().max() < 0.05  # half precision


@pytest.mark.parametrize("line", ["", "small = 16\nhabits = {}\narchitecture = { width = 3 }"])
def test_a_card_of_something_else_is_refused(tmp_path, line):
    (tmp_path / CARD).write_text(f'format = 1\nsha256 = ""\n{line}')
    with pytest.raises(ModelFileError, match="describes no upscaler"):
        files.load(tmp_path)
