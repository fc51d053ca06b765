from __future__ import annotations

import pytest
import torch

from misen.core.generator import Level
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.synthesis.correct import RATE, Pull, correct, rescale
from toys import Euler, TintEnergy, ToyWalker, Walk, tint

RED = tint([0.9, -0.9, -0.9])


def pulled(sampler, progress=0.0, **wish):
    """The estimate before and after one correction."""
    generator, rng = ToyWalker(), Streams([1])
    state = generator.start(1, rng)
    pull = Pull(TintEnergy(), RED, Guidance(signal=RED, **wish))
    predict = correct(lambda s, level: generator.predict(s, level, {}), [pull], sampler, rng)
    return state, predict(state, Level(progress)).point, pull


def test_the_move_is_strength_times_rate_of_the_size_of_the_estimate():
    before, after, _ = pulled(Euler(), strength=2.0)
    assert float((after - before).norm() / before.norm()) == pytest.approx(2 * RATE, rel=1e-5)


def test_it_lowers_the_energy_and_a_negative_strength_raises_it():
    generator, energy = ToyWalker(), TintEnergy()
    measure = lambda point: float(energy.begin(RED, None)(generator.predict(point, Level(0), {}).view(point)))  # noqa: E731
    before, after, _ = pulled(Euler())
    _, away, _ = pulled(Euler(), strength=-1.0)
    assert measure(after) < measure(before) < measure(away)


def test_a_walking_sampler_anneals_and_a_stepping_one_does_not():
    start, half, _ = pulled(Walk(), progress=0.5)
    assert float((half - start).norm() / start.norm()) == pytest.approx(RATE / 2, rel=1e-5)
    start, same, _ = pulled(Euler(), progress=0.5)
    assert float((same - start).norm() / start.norm()) == pytest.approx(RATE, rel=1e-5)


def test_strength_zero_and_a_closed_window_leave_the_estimate_bit_for_bit():
    for wish in ({"strength": 0.0}, {"window": (0.5, 1.0)}):
        before, after, pull = pulled(Euler(), **wish)
        assert torch.equal(before, after)
        assert pull.energy.begun == []


def test_the_energy_sees_level_randomness_and_a_detached_first_view():
    _, _, pull = pulled(Euler(), progress=0.25)
    [first] = pull.energy.begun
    assert first.level == 0.25
    assert first.rng is not None
    assert not first.image.requires_grad
    assert pull.mean > 0


def test_a_vanishing_gradient_stays_zero():
    assert torch.equal(rescale(torch.zeros(2, 3), torch.ones(2, 3)), torch.zeros(2, 3))
    tiny, point = torch.tensor([[3e-30, 4e-30]]), torch.tensor([[5.0, 0.0]])
    assert torch.allclose(rescale(tiny, point), torch.tensor([[3.0, 4.0]]))
