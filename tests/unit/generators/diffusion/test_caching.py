"""Deep features that are kept from step to step."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.execution import Execution
from misen.core.seeding import Streams
from misen.generators.diffusion.caching import MOST
from misen.generators.diffusion.samplers import SAMPLERS


@torch.no_grad()
def walk(generator, asked=({},), seeds=(1, 2), steps=6):
    """The latents at the end, when each prediction is the mean of those under several conditions."""
    sampler, rng = SAMPLERS["ddim"](steps), Streams(seeds)
    state = generator.start(len(seeds), rng)

    def predict(state, level):
        answers = [generator.predict(state, level, conditions) for conditions in asked]
        return answers[0].at(torch.stack([answer.point for answer in answers]).mean(0))

    for level in sampler.levels(guided=False):
        state = sampler.step(state, level, predict, rng)
    return state.value


@pytest.fixture
def depths(generator, monkeypatch):
    """How often the network went below its finest level."""
    count, middle = [], generator.denoiser.unet.mid_block
    middle.register_forward_hook(lambda *_: count.append(1))
    return count


def test_an_interval_of_one_is_the_network_itself(generator, conditions):
    asked = ({}, conditions(2))
    assert torch.equal(walk(generator.reusing(1), asked), walk(generator, asked))


def test_deep_features_are_made_once_an_interval_for_each_set_of_conditions(generator, conditions, depths):
    asked = ({}, conditions(2))
    exact = walk(generator, asked)
    assert len(depths) == 12
    depths.clear()
    near = walk(generator.reusing(2), asked)
    assert len(depths) == 6
    depths.clear()
    far = walk(generator.reusing(3), asked)
    assert len(depths) == 4
    gaps = [(latents - exact).abs().mean().item() for latents in (near, far)]
    assert 0 < gaps[0] < gaps[1] < 0.3 * exact.abs().mean().item()


def test_a_second_walk_begins_anew(generator):
    cached = generator.reusing(4)
    first = walk(cached)
    walk(cached, seeds=(3, 4, 5))
    assert torch.equal(walk(cached), first)


def test_conditions_that_say_the_same_share_their_features(generator, conditions, depths):
    cached, given = generator.reusing(2), [conditions(2) for _ in range(6)]
    sampler = SAMPLERS["ddim"](6)
    with torch.no_grad():
        for level, again in zip(sampler.levels(guided=False), given, strict=True):
            cached.predict(cached.start(2, Streams((1, 2))), level, again)
    assert len(depths) == 3


def test_gradients_go_through_the_whole_network(generator, depths):
    cached, levels = generator.reusing(2), SAMPLERS["ddim"](2).levels(guided=False)
    state = cached.start(1, Streams((1,)))
    for level in levels:
        latents = state.value.clone().requires_grad_()
        [ours] = torch.autograd.grad(cached.predict(state.at(latents), level, {}).point.sum(), latents)
        [theirs] = torch.autograd.grad(generator.predict(state.at(latents), level, {}).point.sum(), latents)
        assert torch.equal(ours, theirs)


def told(conditions, shift):
    """Conditions that say something else for each shift."""
    return {name: replace(given, value=given.value + shift) for name, given in conditions.items()}


@torch.no_grad()
def ask(generator, levels, asked):
    """One question at each level."""
    for level, given in zip(levels, asked, strict=True):
        generator.predict(generator.start(1, Streams((1,))), level, given)


def test_what_is_asked_once_is_soon_forgotten(generator, conditions):
    cached, given = generator.reusing(3), conditions(1)
    ask(cached, SAMPLERS["ddim"](12).levels(guided=False), [told(given, shift) for shift in range(12)])
    assert len(cached.denoiser._memories) <= 2


def test_walks_of_one_step_leave_little(generator, conditions):
    cached, level = generator.reusing(3), SAMPLERS["ddim"](2).levels(guided=False)[0]
    ask(cached, [level] * 3 * MOST, [told(conditions(1), shift) for shift in range(3 * MOST)])
    assert len(cached.denoiser._memories) == MOST


def test_features_of_long_ago_do_not_come_back(generator, conditions, depths):
    ask(generator.reusing(9), SAMPLERS["ddim"](4).levels(guided=False), [{}, {}, conditions(1), {}])
    assert len(depths) == 3


def test_weights_that_changed_make_features_anew(generator, depths):
    cached, levels = generator.reusing(9), SAMPLERS["ddim"](4).levels(guided=False)
    ask(cached, levels[:2], [{}, {}])
    assert len(depths) == 1
    with torch.no_grad():
        generator.denoiser.unet.mid_block.resnets[0].conv1.weight.mul_(1.5)
    ask(cached, levels[2:], [{}, {}])
    assert len(depths) == 2


@pytest.mark.parametrize("copied", [lambda one: one.executed(Execution("bfloat16")), lambda one: one.twin()])
def test_a_copy_does_not_inherit_features(generator, depths, copied):
    cached, levels = generator.reusing(9), SAMPLERS["ddim"](4).levels(guided=False)
    ask(cached, levels[:1], [{}])
    ask(copied(cached), levels[1:2], [{}])
    assert len(depths) == 2


def test_a_picture_of_another_shape_has_its_own_features(generator, depths):
    cached, levels = generator.reusing(9), SAMPLERS["ddim"](4).levels(guided=False)
    ask(cached, levels[:1], [{}])
    with torch.no_grad():
        cached.predict(cached.start(2, Streams((1, 2))), levels[1], {})
    assert len(depths) == 2
