from __future__ import annotations

import pytest

from misen.app import checks
from misen.core.errors import InputError

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("steps", [0, -1, 10**9, NAN, "20", True, 20.0, None])
def test_whole_refuses(steps):
    with pytest.raises(InputError, match="num_inference_steps must be a whole number from 1 to 1000, got"):
        checks.whole(steps, "num_inference_steps", 1, 1000)


@pytest.mark.parametrize("scale", [NAN, INF, -INF, -1e30, "7", True, None])
def test_real_refuses(scale):
    with pytest.raises(InputError, match="guidance_scale must be a number from 0 to 1000, got"):
        checks.real(scale, "guidance_scale", 0, 1000)


@pytest.mark.parametrize("width", [0, -8, 513, 10**9, 64.5, "64", True, None])
def test_side_refuses_and_states_range_and_step(width):
    with pytest.raises(InputError, match=r"width must be 64, got .*allowed range 64 to 64, step 64"):
        checks.side(width, "width", 64)


@pytest.mark.parametrize("seed", [-1, 2**64, 2**63, 1.5, "7", True])
def test_seeds_refuse_and_state_the_range(seed):
    with pytest.raises(InputError, match=r"seed must be a whole number from 0 to 2\*\*63 - 1"):
        checks.seeds(seed, 1)


def test_seeds_are_consecutive_listed_or_drawn():
    assert checks.seeds(7, 3) == (7, 8, 9)
    assert checks.seeds([5, 2], None) == (5, 2)
    [drawn] = checks.seeds(None, None)
    assert 0 <= drawn < 2**32
    for seed, count in ((2**63 - 1, 2), ([1, 2], 3), ([], None)):
        with pytest.raises(InputError):
            checks.seeds(seed, count)


def test_one_of_names_what_is_accepted():
    checks.one_of(64, "size", (64, 128))
    with pytest.raises(InputError, match="size must be one of 64, 128, got 65"):
        checks.one_of(65, "size", (64, 128))
