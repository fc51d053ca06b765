"""The walk: one look when nothing guides, and steps that please an energy when something does."""

from __future__ import annotations

import pytest
import torch

from elsewhere import FAR, back, elsewhere
from misen.core.generator import Annealing, Sampler
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.samplers import SAMPLERS, Walk
from misen.perception.frozen import placed
from misen.synthesis import Resume, Start, plan, synthesize
from toys import TintEnergy, tint

RED = tint([0.5, -0.5, -0.5])
STEPS = 12


def run(generator, wishes=(), seeds=(3, 4), scale=1.0, **rest):
    mover = SAMPLERS["walk"](STEPS)
    tools = {"sampler": mover, "encoders": {}, "energies": {"tint": TintEnergy()}, "scale": scale}
    return synthesize(generator, mover, plan(generator, wishes, **tools), seeds=seeds, **rest)


def red(**rest):
    return [Guidance(signal=RED, route="consistency", **rest)]


def miss(result):
    return (result.images.mean((2, 3)) - RED.color).square().sum(1)


def test_it_walks_only_when_guided():
    assert isinstance(Walk(5), Sampler)
    assert isinstance(Walk(5), Annealing)
    assert [level.progress for level in Walk(5).levels(guided=False)] == [0]
    guided = Walk(5).levels(guided=True)
    assert [level.progress for level in guided] == [0, 0.2, 0.4, 0.6, 0.8]
    assert [Walk(5).anneal(level) for level in guided] == pytest.approx([1, 0.8, 0.6, 0.4, 0.2])


def test_unguided_it_asks_once_and_stays(generator):
    result = run(generator)
    begun = generator.start(2, Streams((3, 4)))
    assert len(result.trace) == 1
    assert torch.equal(result.images, generator.finish(begun))
    assert not result.state.drawn


def test_guided_it_comes_nearer_to_what_is_asked_for(generator):
    guided, free = run(generator, red()), run(generator)
    assert len(guided.trace) == STEPS
    assert (miss(guided) < miss(free)).all()
    assert torch.equal(run(generator, red()).images, guided.images)
    assert torch.equal(run(generator, red(strength=0.0)).images, free.images)


def test_picture_k_depends_on_its_seed_alone(generator):
    together, alone = run(generator, red()), run(generator, red(), seeds=(4,))
    assert torch.allclose(together.images[1:], alone.images, atol=1e-3)


def test_it_is_guided_where_it_is(generator):
    here = run(generator, red())
    with elsewhere():
        distant = StyleGenerator(placed(generator.networks, FAR))
        there = run(distant, red(), device=FAR)
    assert torch.allclose(back(there.images), here.images, atol=1e-4)


def test_it_walks_in_styles_too(generator):
    styled = generator.in_styles()
    assert (miss(run(styled, red())) < miss(run(styled))).all()


def test_a_picture_can_be_walked_from(generator):
    image = torch.rand(1, 3, 16, 16) * 2 - 1
    kept = run(generator, red(), start=Start(image, 0.0))
    half = run(generator, red(), start=Start(image, 0.5))
    whole = run(generator, red(), start=Start(image, 1.0))
    assert (len(kept.trace), len(half.trace)) == (0, STEPS // 2)
    assert torch.equal(whole.images, run(generator, red()).images)
    assert torch.equal(kept.images[0], kept.images[1])
    state = generator.restart(generator.encode(image), None, Streams([7]))
    resumed = run(generator, red(), seeds=(7,), start=Resume(state))
    assert len(resumed.trace) == STEPS
    assert miss(resumed) < (kept.images[:1].mean((2, 3)) - RED.color).square().sum()


# --- truncation ------------------------------------------------------------------------------------------------------


def diversity(images):
    return torch.pdist(images.flatten(1)).square().mean().item()


def test_the_guidance_scale_is_truncation_and_diversity_falls_with_it(generator):
    for name, parameter in generator.networks.synthesis.named_parameters():
        if name.endswith("strength"):
            parameter.zero_()  # what noise adds is not truncated
    seeds = range(24)
    spread = [diversity(run(generator, seeds=seeds, scale=scale).images) for scale in (1.5, 1.0, 0.7, 0.4, 0.1)]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] < 0.1 * spread[1]


def test_truncation_is_a_mix_of_the_mean_and_what_was_drawn(generator):
    state, mean = run(generator).state, generator.networks.mapping.mean
    halfway = run(generator, scale=0.5).state
    assert torch.allclose(halfway.value, (state.value + mean) / 2, atol=1e-6)
    assert torch.equal(halfway.noise, state.noise)


def test_only_what_was_drawn_is_truncated(generator):
    begun = run(generator, scale=0.5).state
    again = run(generator, scale=0.5, start=Resume(begun))
    assert torch.allclose(again.state.value, begun.value, atol=1e-6)
    guided, free = run(generator, red(), scale=0.5), run(generator, scale=0.5)
    assert (miss(guided) < miss(free)).all()
