"""The generator between the waists: states, estimates, pictures, and every other way of using it."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.execution import Execution
from misen.core.generator import (
    Centred,
    Executable,
    Generator,
    Gridded,
    Level,
    Precise,
    Projectable,
    Repeatable,
    Startable,
    Storable,
)
from misen.core.seeding import Streams
from misen.nn import execution

LEVEL = Level(0.25)


def picture(generator, seeds):
    return generator.finish(generator.start(len(seeds), Streams(seeds)))


def test_capabilities(generator):
    assert isinstance(generator, Generator)
    for capability in (Startable, Storable, Precise, Executable, Centred):
        assert isinstance(generator, capability)
    for other in (Projectable, Gridded):
        assert not isinstance(generator, other)
    assert isinstance(generator.start(1, Streams([0])), Repeatable)
    assert generator.size == 16
    assert not generator.ports


def test_seeds_decide_latent_and_noise_and_nothing_else_does(generator):
    both, alone = (generator.start(len(seeds), Streams(seeds)) for seeds in ((5, 6), (6,)))
    assert torch.equal(both.noise[1:], alone.noise)
    assert torch.allclose(both.value[1:], alone.value, atol=1e-6)
    assert not torch.allclose(both.value[0], both.value[1], atol=1e-2)
    assert torch.equal(picture(generator, (5, 6)), picture(generator, (5, 6)))
    assert torch.allclose(picture(generator, (5, 6))[1:], picture(generator, (6,)), atol=1e-5)


def test_the_estimate_is_the_point_and_shows_the_finished_picture(generator):
    state = generator.start(2, Streams((1, 2)))
    estimate = generator.predict(state, LEVEL, {})
    view = estimate.view(estimate.point)
    assert torch.equal(estimate.point, state.value)
    assert torch.equal(view.image, generator.finish(state))
    assert view.level == LEVEL.progress


def test_pictures_are_clipped_and_gradients_are_not(generator):
    estimate = generator.predict(generator.start(1, Streams([1])), LEVEL, {})
    point = (30 * estimate.point).requires_grad_()
    image = estimate.view(point).image
    assert image.abs().max() <= 1
    [gradient] = torch.autograd.grad(image.sum(), point)
    assert gradient.abs().max() > 0


def test_a_view_shows_features_by_layer(generator):
    estimate = generator.predict(generator.start(2, Streams((1, 2))), LEVEL, {})
    point = estimate.point.clone().requires_grad_()
    view = estimate.view(point)
    assert view.features("8").shape == (2, 8, 8, 8)
    [gradient] = torch.autograd.grad(view.features("8").square().sum(), point)
    assert gradient[:, :-1].abs().amax(2).min() > 0
    assert gradient[:, -1].abs().max() == 0  # the exit comes after
    with pytest.raises(NotFoundError, match="no layer called '16'"):
        view.features("16")


def test_a_picture_is_rebuilt_without_noise_whatever_the_seed(generator):
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    point = generator.encode(image)
    kept = generator.restart(point, None, Streams((1, 2)))
    assert torch.equal(kept.value, point)
    assert kept.noise.abs().max() == 0
    expected = generator.networks.synthesis(generator.networks.encode(image), generator.networks.silence(2))
    assert torch.equal(generator.finish(kept), expected.clamp(-1, 1))


def test_on_the_way_to_a_picture_a_state_is_between_its_seeds_and_the_pictures(generator):
    point, seeds = generator.encode(torch.zeros(1, 3, 16, 16)), (3,)
    begun = generator.start(1, Streams(seeds))
    ways = [generator.restart(point, Level(progress), Streams(seeds)) for progress in (0.0, 0.5, 0.999)]
    assert torch.allclose(ways[0].value, begun.value)
    assert torch.allclose(ways[0].noise, begun.noise)
    assert torch.allclose(ways[1].value, (begun.value + point) / 2, atol=1e-6)
    assert torch.allclose(ways[2].value, point, atol=0.01)
    assert ways[2].noise.abs().max() < 0.01
    assert not any(way.drawn for way in ways)


def test_the_mean_is_typical_of_what_was_drawn_and_nothing_of_what_was_moved(generator):
    state = generator.start(2, Streams((1, 2)))
    typical = generator.typical(state)
    mean = generator.networks.mapping.mean
    assert torch.equal(typical, mean.expand(2, generator.networks.synthesis.layers, -1))
    assert torch.equal(generator.typical(state.moved(state.value)), state.value)


def test_states_are_kept_and_found_again(generator):
    state = generator.start(2, Streams((1, 2)))
    again = generator.unpack(generator.pack(state))
    assert torch.equal(generator.finish(again), generator.finish(state))
    with pytest.raises(ModelFileError, match=r"latents \(B, 5, 8\) and noise \(B, 160\)"):
        generator.unpack({"latents": state.value})
    with pytest.raises(ModelFileError, match="invert the picture"):
        generator.unpack({"latents": state.value[:, :2], "noise": state.noise})


def test_states_repeat_with_their_noise(generator):
    state = generator.start(2, Streams((1, 2))).repeat(2)
    images = generator.finish(state)
    assert torch.equal(images[0], images[1])
    assert torch.allclose(images[::2], picture(generator, (1, 2)), atol=1e-5)
    assert state.drawn


# --- in S ------------------------------------------------------------------------------------------------------------


def test_the_same_pictures_in_another_space(generator):
    styled = generator.in_styles()
    state = styled.start(2, Streams((1, 2)))
    assert state.value.shape == (2, *styled.shape) == (2, 48)
    assert torch.allclose(styled.finish(state), picture(generator, (1, 2)), atol=1e-5)
    image = torch.rand(1, 3, 16, 16)
    rebuilt = [one.finish(one.restart(one.encode(image), None, Streams([0]))) for one in (styled, generator)]
    assert torch.allclose(*rebuilt, atol=1e-5)
    assert styled.typical(state).shape == state.value.shape
    assert torch.equal(styled.unpack(styled.pack(state)).value, state.value)
    with pytest.raises(ModelFileError):
        generator.unpack(styled.pack(state))


def test_a_state_in_latents_becomes_one_in_styles(generator):
    state = generator.start(2, Streams((1, 2)))
    moved = generator.styled(state.moved(state.value + 0.3))
    assert not moved.drawn
    assert torch.equal(generator.in_styles().finish(moved), generator.finish(state.moved(state.value + 0.3)))
    assert generator.in_styles().styled(moved) is moved


def test_styles_are_those_of_the_network_as_it_was_tuned(generator):
    state, twin = generator.start(1, Streams([1])), generator.twin()
    for parameter in twin.network.parameters():
        parameter += 0.1
    assert torch.equal(twin.in_styles().finish(twin.styled(state)), twin.finish(state))
    assert not torch.allclose(twin.styled(state).value, generator.styled(state).value)


def test_a_single_style_can_be_moved(generator):
    styled = generator.in_styles()
    estimate = styled.predict(styled.start(1, Streams([1])), LEVEL, {})
    moved = estimate.point.clone()
    moved[:, 20] += 2
    assert not torch.allclose(estimate.view(moved).image, estimate.view(estimate.point).image, atol=1e-3)


# --- run otherwise ---------------------------------------------------------------------------------------------------


def test_half_the_bits_come_near_and_exact_is_exact(generator):
    half = generator.executed(Execution("bfloat16"))
    exact, near = picture(generator, (1, 2)), picture(half, (1, 2))
    assert near.dtype == torch.float32
    assert 0 < (near - exact).abs().mean() < 0.05
    with half.full_precision() as built:
        assert built.networks is generator.networks
        assert torch.equal(picture(built, (1, 2)), exact)
    with half.executed(Execution("bfloat16")).full_precision() as built:
        assert built.networks is generator.networks
    assert half.in_styles().dtype == torch.bfloat16


def test_compilers_get_the_blocks(generator, monkeypatch):
    handed = []

    def compiler(forward, **_):
        handed.append(forward.__self__)
        return forward

    monkeypatch.setattr(torch, "compile", compiler)
    monkeypatch.setattr(execution, "compilers", lambda: ["compiled"])
    fast = generator.executed(Execution(engine="compiled"))
    assert handed == list(fast.networks.synthesis.blocks)


def test_a_twin_changes_by_itself(generator):
    twin, before = generator.executed(Execution("bfloat16")).twin(), picture(generator, (1,))
    assert torch.equal(picture(twin, (1,)), before)
    assert twin.network is twin.networks.synthesis
    twin.network.exit.bias += 0.3
    assert not torch.allclose(picture(twin, (1,)), before, atol=1e-2)
    assert torch.equal(picture(generator, (1,)), before)
