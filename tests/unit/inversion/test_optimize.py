"""Latents of given pictures: found by gradient, by the encoder or by both, each picture by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from misen.core.errors import InputError, Unreachable
from misen.core.seeding import Streams
from misen.inversion import optimize
from misen.inversion.likeness import Weights
from misen.inversion.optimize import seek
from misen.synthesis import Plan, plan
from toys import Euler, ToyDiffusion, ToyWalker, Walk
from walkers import Blind, Stroll, ToyLayers

PIXELS = Weights(perceptual=0.0, identity=0.0)
WALK = Stroll()


def bare(generator, sampler=WALK) -> Plan:
    return plan(generator, [], sampler=sampler, encoders={}, energies={})


def inverted(image: Tensor, generator=None, weights=PIXELS, **how):
    generator = generator or ToyLayers()
    return optimize(generator, WALK, bare(generator), image, weights=weights, **how)


@pytest.fixture
def made() -> Tensor:
    """Pictures of two seeds."""
    generator = ToyLayers()
    return generator.finish(generator.start(2, Streams((5, 6))))


@pytest.fixture
def layered() -> Tensor:
    """A picture whose layers have latents of their own."""
    return ToyLayers().show(torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(7)))


def test_the_latents_of_made_pictures_are_found_again(made) -> None:
    heard = []
    found = inverted(made, steps=100, watch=heard.append)
    assert found.fidelity.picture.min() > 30
    assert torch.allclose(found.images, ToyLayers().finish(found.state))
    assert heard == sorted(heard)
    assert (heard[0], heard[-1]) == (0, 1)


def test_what_is_found_for_a_picture_does_not_depend_on_the_others(made) -> None:
    together = inverted(made, steps=30).state.value
    alone = torch.cat([inverted(image[None], steps=30).state.value for image in made])
    assert torch.allclose(together, alone, atol=1e-5)


def test_one_latent_for_all_layers_is_closer_to_what_the_generator_makes_than_to_other_pictures(layered) -> None:
    shared, free = (inverted(layered, steps=100, space=space) for space in ("w", "w+"))
    assert torch.equal(shared.state.value, shared.state.value[:, :1].expand(-1, 3, -1))
    assert (free.fidelity.picture - shared.fidelity.picture).item() > 3


def test_the_encoder_tells_at_once_and_a_search_from_there_is_never_worse(made) -> None:
    encoded = inverted(made, begin="encoder", steps=0)
    assert torch.equal(encoded.state.value, ToyLayers().encode(made))
    assert torch.allclose(encoded.fidelity.picture, encoded.fidelity.ceiling)
    assert encoded.fidelity.codec.isinf().all()
    hybrid = inverted(made, begin="encoder", steps=20)
    assert (hybrid.fidelity.picture > encoded.fidelity.picture).all()
    assert torch.allclose(hybrid.fidelity.ceiling, encoded.fidelity.ceiling)


def test_no_step_leaves_the_mean(made) -> None:
    nothing = inverted(made, steps=0)
    assert torch.equal(nothing.state.value[0], nothing.state.value[1])


def test_latents_are_kept_near_what_the_generator_makes(layered) -> None:
    mean = inverted(layered, steps=0).state.value
    free, near = (inverted(layered, steps=60, weights=replace(PIXELS, latent=w)).state.value for w in (0.0, 1.0))
    assert (near - mean).norm() < 0.7 * (free - mean).norm()


def test_features_and_identity_count_too(made) -> None:
    """With the observer that ships."""
    pixels, all_of_it = (inverted(made[:1], steps=8, weights=weights) for weights in (PIXELS, Weights()))
    assert not torch.allclose(pixels.state.value, all_of_it.state.value)


def test_without_an_encoder_there_is_nothing_to_compare_with(made) -> None:
    found = inverted(made, Blind(), steps=5)
    assert found.fidelity.picture.isfinite().all()
    assert found.fidelity.ceiling.isnan().all()


def test_what_has_no_latents_says_so(made) -> None:
    with pytest.raises(Unreachable, match="no encoder of pictures"):
        inverted(made, Blind(), begin="encoder")
    diffusion, euler = ToyDiffusion(), Euler()
    with pytest.raises(Unreachable, match="makes pictures of noise, step by step with euler"):
        optimize(diffusion, euler, bare(diffusion, euler), made)
    walker, walk = ToyWalker(), Walk()
    with pytest.raises(Unreachable, match="cannot be reached"):
        optimize(walker, walk, bare(walker, walk), made)


def test_a_space_needs_layers() -> None:
    with pytest.raises(InputError, match="no latents of layers"):
        seek(lambda point: point.square().sum(1), torch.ones(1, 4), steps=2, space="w")


def test_the_best_point_on_the_way_is_kept() -> None:
    far = seek(lambda point: (point - 3).square().sum(1), torch.tensor([[2.9], [0.0]]), steps=3, rate=5.0)
    assert far[0].item() == pytest.approx(2.9)


def test_latents_can_be_kept_in_the_domain_of_their_encoder(made) -> None:
    far = {domain: inverted(made, steps=60, weights=replace(PIXELS, domain=domain)).state.value for domain in (0, 10)}
    gaps = [float((point - ToyLayers().encode(ToyLayers().show(point))).square().mean()) for point in far.values()]
    assert gaps[1] < 0.5 * gaps[0]
    with pytest.raises(Unreachable, match="no encoder"):
        inverted(made, generator=Blind(), steps=1, weights=replace(PIXELS, domain=1.0))
