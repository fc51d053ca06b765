"""The weak network: asked in the middle of a guided walk, run as the others are, and a part of the folder."""

from __future__ import annotations

import pytest
import torch

from misen.core.execution import Execution
from misen.core.generator import Contrasting
from misen.core.seeding import Streams
from misen.generators.diffusion.folder import load, save, save_weak
from misen.generators.diffusion.samplers import SAMPLERS
from misen.generators.diffusion.schedule import alpha_scale
from misen.generators.diffusion.weak import SINCE, UNTIL, WeakSettings

LEVELS = SAMPLERS["ddim"](10).levels(guided=False)
MIDDLE = next(level for level in LEVELS if SINCE <= level.progress < UNTIL)


@pytest.fixture
def weak():
    torch.manual_seed(3)
    settings = WeakSettings(channels=(8, 16), width=8, groups=2, latent_channels=4, latent_size=8)
    return settings.unet().half().float().eval().requires_grad_(False)


def foreseen(generator, level=MIDDLE):
    with torch.no_grad():
        return generator.contrast(generator.start(2, Streams([1, 2])), level)


def test_it_is_asked_in_the_middle_of_a_walk_only(generator, weak):
    assert isinstance(generator, Contrasting)
    assert [foreseen(generator, level) for level in LEVELS] == [None] * len(LEVELS)
    generator.weak = weak
    asked = [foreseen(generator, level) is not None for level in LEVELS]
    assert asked == [SINCE <= level.progress < UNTIL for level in LEVELS]
    assert 0 < sum(asked) < len(asked)


def test_it_foresees_what_its_velocity_says(generator, weak):
    generator.weak = weak
    state = generator.start(2, Streams([1, 2]))
    times = torch.full((2,), generator.schedule.time(MIDDLE))
    with torch.no_grad():
        velocity = weak(state.value, times).sample
    alpha, scale = alpha_scale(MIDDLE.sigma)
    expected = alpha * state.value - scale * velocity
    torch.testing.assert_close(foreseen(generator).point, expected)


def test_run_otherwise_it_comes_near_and_exact_networks_come_back(generator, weak):
    generator.weak = weak
    half = generator.executed(Execution("bfloat16"))
    exact, near = foreseen(generator).point, foreseen(half).point
    assert near.dtype == torch.float32
    assert 0 < (near - exact).abs().mean() < 0.05 * exact.abs().mean()
    with half.full_precision() as again:
        assert torch.equal(foreseen(again).point, exact)


def test_who_learns_has_nothing_weaker(generator, weak):
    generator.weak = weak
    assert foreseen(generator.twin()) is None
    assert generator.weak is weak


def test_it_is_a_part_of_the_folder(generator, weak, tmp_path):
    save(generator, tmp_path / "added")
    assert load(tmp_path / "added").weak is None
    save_weak(weak, tmp_path / "added")
    generator.weak = weak
    save(generator, tmp_path / "whole")
    for folder in ("added", "whole"):
        assert torch.equal(foreseen(load(tmp_path / folder)).point, foreseen(generator).point)
    names = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*") if path.is_file()}
    for name in names:
        assert (tmp_path / "added" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
