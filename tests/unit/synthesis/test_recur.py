from __future__ import annotations

import pytest
import torch

from misen.core.guidance import Consistency, Guidance
from misen.synthesis import plan, synthesize
from toys import ENCODERS, Back, ToyDiffusion, energies, tint

RED = tint([0.8, -0.8, -0.8])


def run(*wishes, seeds=range(4)):
    """The pictures; the generator is asked as often as announced."""
    generator, sampler = ToyDiffusion(), Back()
    tools = {"sampler": sampler, "encoders": ENCODERS, "energies": energies()}
    made = plan(generator, wishes, **tools)
    images = synthesize(generator, sampler, made, seeds=seeds).images
    assert len(generator.asked) == made.evaluations
    return images


def wish(strength=1.0, window=(0.0, 1.0), **how) -> Guidance:
    consistency = Consistency(**how)
    return Guidance(signal=RED, strength=strength, window=window, route="consistency", consistency=consistency)


def miss(images) -> float:
    return float((images.mean((2, 3)) - RED.color).norm(dim=1).mean())


def test_steps_taken_again_follow_better_and_the_picture_stays_real():
    free, once, again = run(), run(wish()), run(wish(recurrences=4))
    assert miss(again) < miss(once) < miss(free)
    assert again.std((2, 3)).mean() == pytest.approx(ToyDiffusion.SPREAD, rel=0.3)


def test_at_strength_zero_no_step_is_taken_again():
    assert torch.equal(run(wish(strength=0.0, recurrences=3)), run())


def test_only_steps_inside_the_window_are_taken_again():
    assert torch.equal(run(wish(window=(0.999, 1.0), recurrences=3)), run())


def test_picture_k_depends_on_its_seed_alone():
    several = wish(recurrences=2, copies=3, gradients=2)
    batch = run(several, seeds=(3, 4, 5))
    for index, seed in enumerate((3, 4, 5)):
        assert torch.allclose(run(several, seeds=(seed,))[0], batch[index], atol=1e-5)
