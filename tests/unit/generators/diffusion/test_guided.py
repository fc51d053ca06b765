"""Guidance by consistency on a whole network in miniature: what is asked for comes about, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from misen.core.guidance import Consistency, Guidance
from misen.generators.diffusion.samplers import SAMPLERS
from misen.synthesis import Synthesis, plan, synthesize
from toys import TintEnergy, tint

RED = tint([0.5, -0.5, -0.5])


@dataclass
class Placeless(TintEnergy):
    """The same, of copies that may be moved."""

    placeless: bool = True

    def __post_init__(self) -> None:
        super().__init__()


def run(generator, *, strength=1.0, sampler="dpm++2m", seeds=(3, 4), **how) -> Synthesis:
    mover = SAMPLERS[sampler](5)
    wish = Guidance(signal=RED, strength=strength, route="consistency", consistency=Consistency(**how))
    tools = {"sampler": mover, "encoders": {}, "energies": {"tint": Placeless()}}
    return synthesize(generator, mover, plan(generator, [wish], **tools), seeds=seeds)


def miss(result: Synthesis) -> torch.Tensor:
    return (result.images.mean((2, 3)) - RED.color).square().sum(1)


HOW = [{}, {"gradients": 3}, {"copies": 3}, {"recurrences": 2}, {"through": True}, {"through": True, "copies": 2}]


@pytest.fixture(autouse=True)
def whole(generator):
    """Estimates are shown by the decoder that finishes the picture, which random tiny decoders do not resemble."""
    generator.tiny = None


@pytest.mark.parametrize("how", HOW, ids=str)
def test_what_is_asked_for_comes_about_and_strength_zero_is_the_unguided_picture(generator, how):
    mover = SAMPLERS["dpm++2m"](5)
    free = synthesize(generator, mover, plan(generator, [], sampler=mover, encoders={}, energies={}), seeds=(3, 4))
    guided = run(generator, **how)
    assert (miss(guided) < miss(free)).all()
    assert torch.equal(run(generator, strength=0.0, **how).images, free.images)
    assert torch.equal(run(generator, **how).images, guided.images)


@pytest.mark.parametrize("how", HOW, ids=str)
def test_picture_k_depends_on_its_seed_alone(generator, how):
    together, alone = run(generator, **how), run(generator, seeds=(4,), **how)
    assert (together.images[1] - alone.images[0]).abs().max() <= 1e-3


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_can_take_guided_steps_again(generator, sampler):
    once, again = run(generator, sampler=sampler), run(generator, sampler=sampler, recurrences=3)
    assert torch.isfinite(again.images).all()
    assert not torch.equal(once.images, again.images)
