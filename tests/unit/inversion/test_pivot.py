"""Pivotal tuning: a copy learns to make the picture, the generator stays, and the copy comes back from a file."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import Unreachable
from misen.inversion import optimize, pack, tune_pivot, unpack
from misen.inversion.likeness import Weights
from misen.inversion.pivot import changed
from misen.synthesis import plan
from toys import ToyWalker
from walkers import Stroll, ToyLayers

WALK = Stroll()


@pytest.fixture
def strange() -> torch.Tensor:
    """A picture that the generator cannot make."""
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1)) - 0.5


@pytest.fixture
def tuned(strange):
    """A generator, the latents that come closest, and what tuning around them makes."""
    generator = ToyLayers()
    bare = plan(generator, [], sampler=WALK, encoders={}, energies={})
    pixels = Weights(perceptual=0.0, identity=0.0)
    found = optimize(generator, WALK, bare, strange, steps=10, weights=pixels)
    before = {name: value.clone() for name, value in generator.network.state_dict().items()}
    then = tune_pivot(generator, WALK, bare, strange, found, steps=25, rate=3e-2)
    assert all(torch.equal(before[name], value) for name, value in generator.network.state_dict().items())
    return generator, found, then


def test_the_copy_makes_the_picture_of_the_same_latents(tuned) -> None:
    _, found, then = tuned
    assert torch.equal(then.state.value, found.state.value)
    assert (then.fidelity.picture - found.fidelity.picture).item() > 1.5
    assert set(then.network) == {"affine", "paint"}
    assert not any(value.requires_grad for value in then.network.values())


def test_the_copy_comes_back_with_the_state(tuned) -> None:
    generator, _, then = tuned
    tensors = pack(generator, then)
    assert set(tensors) == {"latents", "network.affine", "network.paint"}
    answering, state = unpack(generator, tensors)
    assert torch.allclose(answering.finish(state), then.images, atol=1e-6)
    assert not torch.allclose(generator.finish(state), then.images, atol=1e-3)


def test_what_was_not_tuned_is_no_copy(tuned) -> None:
    generator, found, _ = tuned
    answering, _ = unpack(generator, pack(generator, found))
    assert answering is generator
    with pytest.raises(Unreachable, match="cannot be tuned"):
        changed(ToyWalker(), {"weight": torch.zeros(1)})
