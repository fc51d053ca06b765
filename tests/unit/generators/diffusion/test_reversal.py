"""DDIM backwards: where a step began is the fixed point of its reversal, and a step can be aimed."""

from __future__ import annotations

import pytest
import torch

from families import small_diffusion
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Nullable, Reversible, Storable
from misen.core.seeding import Streams
from misen.core.view import View
from misen.generators.diffusion.samplers import SAMPLERS, Ddim
from misen.generators.diffusion.state import Latents

LEVELS = Ddim(6).levels(guided=False)


def foreseen(state: Latents, level) -> Estimate:
    """A fixed function that stands for a network's clean latents."""
    return Estimate(torch.tanh(state.value) * 0.8 + 0.1, View)


def latents(seed: int) -> Latents:
    return Latents(torch.randn(2, 4, 4, 4, generator=torch.Generator().manual_seed(seed)))


@pytest.mark.parametrize("level", LEVELS)
def test_where_a_step_began_is_a_fixed_point(level) -> None:
    began = latents(3)
    ended = Ddim(6).step(began, level, foreseen, Streams((0, 0)))
    assert torch.allclose(Ddim(6).reverse(ended, level, foreseen, began).value, began.value, atol=1e-5)
    assert not torch.allclose(Ddim(6).reverse(ended, level, foreseen, ended).value, began.value, atol=1e-3)


@pytest.mark.parametrize("level", LEVELS)
def test_a_step_leads_to_what_it_is_aimed_at(level) -> None:
    began, goal = latents(4), latents(5)
    point = Ddim(6).aim(began, level, goal)
    ended = Ddim(6).step(began, level, lambda state, at: Estimate(point, View), Streams((0, 0)))
    assert torch.allclose(ended.value, goal.value, atol=1e-4)


def test_only_what_can_go_back_says_so() -> None:
    assert {name for name, make in SAMPLERS.items() if isinstance(make(4), Reversible)} == {"ddim"}


def test_a_generator_states_its_null_and_keeps_its_states() -> None:
    small = small_diffusion()
    assert isinstance(small, Nullable)
    assert isinstance(small, Storable)
    state, level = latents(6), LEVELS[2]
    with torch.no_grad():
        stated, absent = (small.predict(state, level, given).point for given in (small.null(2), {}))
    assert torch.allclose(stated, absent, atol=1e-5)
    assert torch.equal(small.unpack(small.pack(state)).value, state.value)
    for strange in ({}, {"latents": torch.zeros(1, 3, 4, 4)}, {"latents": torch.zeros(4)}):
        with pytest.raises(ModelFileError, match="a state of this model has latents"):
            small.unpack(strange)
