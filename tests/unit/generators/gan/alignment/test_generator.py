"""The aligned generator between the waists: what its ports do to latents, once, and layer by layer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from aligned import ENCODERS, aligned_gan, bare_gan
from misen.core.errors import Unreachable
from misen.core.generator import Centred, Executable, Generator, Level, Precise, Repeatable, Startable, Storable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.generators.gan.samplers import GRADES, SAMPLERS, Layers
from misen.synthesis import Resume, plan, synthesize
from toys import Shade, TintEnergy, tint

STEPS, SEEDS = 8, (3, 4)
RED = tint([0.8, -0.6, -0.6])
BLUE = Shade(torch.tensor([[-0.6, -0.6, 0.8]]))


@pytest.fixture
def generator():
    return aligned_gan()


def run(generator, *wishes, sampler="walk", scale=1.0, **rest):
    mover = SAMPLERS[sampler](STEPS)
    tools = {"encoders": ENCODERS, "energies": {"tint": TintEnergy()}, "scale": scale}
    return synthesize(generator, mover, plan(generator, wishes, sampler=mover, **tools), seeds=SEEDS, **rest)


def latents(*arguments, **named):
    return run(*arguments, **named).state.value


def test_capabilities(generator):
    for capability in (Generator, Startable, Storable, Precise, Executable, Centred):
        assert isinstance(generator, capability)
    assert isinstance(generator.start(1, Streams([0])), Repeatable)
    assert {name: (port.layout, port.width) for name, port in generator.ports.items()} == {
        "tint": ("map", 3), "shade": ("tokens", 3)
    }  # fmt: skip
    assert not generator.in_styles().ports


def test_the_planner_says_what_is_native_where_an_alignment_is_and_refuses_where_none_is(generator):
    mover = SAMPLERS["walk"](STEPS)
    made = plan(generator, [Guidance(signal=BLUE)], sampler=mover, encoders=ENCODERS, energies={})
    assert "native: port 'shade' was trained on shade" in made.explain()
    assert made.steps == 1
    with pytest.raises(Unreachable, match="native: no port was trained on it"):
        plan(bare_gan(), [Guidance(signal=BLUE)], sampler=mover, encoders=ENCODERS, energies={})


def test_what_nobody_asks_for_is_as_in_the_generator_without_an_alignment(generator):
    for sampler in SAMPLERS:
        assert torch.equal(run(generator, sampler=sampler).images, run(bare_gan()).images)


def test_pictures_become_what_is_told_and_differ_as_far_as_seeds_are_free(generator):
    free, told = latents(generator), latents(generator, Guidance(signal=RED))
    assert not torch.allclose(free, told, atol=1e-2)
    assert not torch.allclose(told[0], told[1], atol=1e-2)
    spread = [generator.alignment.coordinates(some).diff(dim=0).square().mean() for some in (free, told)]
    assert spread[1] < spread[0]


def test_strengths_extrapolate_from_what_was_drawn(generator):
    free, whole = latents(generator), latents(generator, Guidance(signal=RED))
    for strength in (0.5, 1.5, -1.0):
        part = latents(generator, Guidance(signal=RED, strength=strength))
        assert torch.allclose(part, free + strength * (whole - free), atol=1e-4)
    assert torch.allclose(latents(generator, Guidance(signal=RED), scale=2.0), free + 2 * (whole - free), atol=1e-4)


def test_picture_k_depends_on_its_seed_alone(generator):
    state = generator.start(1, Streams(SEEDS[1:]))
    assert torch.allclose(latents(generator, Guidance(signal=RED))[1:], told(generator, state), atol=1e-4)


def told(generator, state):
    return generator.predict(state, Level(0.0), {"tint": ENCODERS["tint"].encode(RED, "map")}).point


def test_a_given_picture_is_told_too_and_else_stays(generator):
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    state = generator.restart(generator.encode(image), None, Streams([1]))
    kept, changed = (latents(generator, *wishes, start=Resume(state)) for wishes in ((), (Guidance(signal=RED),)))
    assert torch.equal(kept, state.value.expand(2, -1, -1))
    assert torch.allclose(changed[:1], told(generator, state), atol=1e-5)
    again = generator.unpack(generator.pack(state))
    assert torch.allclose(told(generator, again), told(generator, state))


def test_a_state_is_told_once(generator):
    native, refining = Guidance(signal=RED), Guidance(signal=RED, route="consistency", strength=0.0)
    once, often = run(generator, native), run(generator, native, refining)
    assert (len(once.trace), len(often.trace)) == (1, STEPS)
    assert torch.allclose(once.images, often.images, atol=1e-5)
    moved = generator.start(2, Streams(SEEDS))
    moved = moved.moved(moved.value + 1)
    assert torch.equal(told(generator, moved), moved.value)


def test_energies_go_on_from_what_was_told(generator):
    def miss(result):
        return (result.images.mean((2, 3)) - RED.color).square().sum(1)

    native = Guidance(signal=RED)
    for sampler in SAMPLERS:
        both = run(generator, native, Guidance(signal=RED, route="consistency"), sampler=sampler)
        assert (miss(both) < miss(run(generator, native, sampler=sampler))).all()


# --- layer by layer --------------------------------------------------------------------------------------------------


def test_without_windows_layers_end_where_a_walk_ends(generator):
    for wishes in ((), (Guidance(signal=RED),), (Guidance(signal=RED), Guidance(signal=BLUE))):
        walked, layered = (run(generator, *wishes, sampler=name) for name in ("walk", "layers"))
        assert torch.allclose(walked.images, layered.images, atol=1e-5)
        assert len(layered.trace) == GRADES
        assert not layered.state.drawn
        assert layered.state.passed == generator.networks.synthesis.layers


def test_coarse_layers_of_one_signal_and_fine_ones_of_another(generator):
    halves = [Guidance(signal=RED, window=(0.0, 0.5)), Guidance(signal=BLUE, window=(0.5, 1.0))]
    mixed = latents(generator, *halves, sampler="layers")
    coarse, fine = (latents(generator, Guidance(signal=one)) for one in (RED, BLUE))
    assert torch.allclose(mixed[:, :2], coarse[:, :2], atol=1e-5)
    assert torch.allclose(mixed[:, 2:], fine[:, 2:], atol=1e-5)


def test_layers_of_a_picture_that_are_not_told_stay(generator):
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    state = generator.restart(generator.encode(image), None, Streams([1]))
    late = Guidance(signal=BLUE, window=(0.5, 1.0))
    changed = latents(generator, late, sampler="layers", start=Resume(state))
    assert torch.equal(changed[:, :2], state.value[:, :2].expand(2, -1, -1))
    assert not torch.allclose(changed[:, 2:], state.value[:, 2:].expand(2, -1, -1), atol=1e-2)


def test_truncation_is_the_same_layer_by_layer(generator):
    assert torch.allclose(latents(generator, scale=0.5), latents(generator, scale=0.5, sampler="layers"), atol=1e-5)


def test_walks_through_layers_have_a_level_for_each_part_or_more_for_energies():
    assert [level.progress for level in Layers(40).levels(guided=False)] == [0, 0.25, 0.5, 0.75]
    assert len(Layers(40).levels(guided=True)) == 40
    assert len(Layers(1).levels(guided=True)) == GRADES


def test_latents_without_layers_are_walked_among_as_usual(generator):
    styled = generator.in_styles()
    walked, layered = (run(styled, sampler=name).images for name in ("walk", "layers"))
    assert torch.equal(walked, layered)
    state = replace(styled.start(2, Streams(SEEDS)), passed=0)
    point = torch.zeros_like(state.value)
    to_there = lambda state, level: styled.predict(state.at(point), level, {})  # noqa: E731
    there = Layers(STEPS).step(state, Level(0.0), to_there, Streams(SEEDS))
    assert torch.equal(there.value, point)
