from __future__ import annotations

import weakref
from dataclasses import dataclass

import pytest
import torch
from torch.nn.functional import cosine_similarity

from misen.core.errors import InputError, Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.guidance import Consistency, Guidance
from misen.core.seeding import Streams
from misen.core.view import View
from misen.synthesis.correct import Pull, correct, descent
from misen.synthesis.schedule import RATE, STRIDE
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


def test_a_vanishing_gradient_leads_nowhere_and_a_tiny_one_as_far_as_any():
    still = descent(torch.zeros(2, 3), torch.ones(2), torch.tensor(1.0))
    assert torch.equal(still, torch.zeros(2, 3))
    tiny = torch.tensor([[3e-30, 4e-30]])
    assert torch.allclose(descent(tiny, torch.ones(1), torch.tensor(5.0)), torch.tensor([[3.0, 4.0]]))


def test_nobody_goes_farther_than_where_the_energy_would_vanish():
    gradient, values = torch.tensor([[3.0, 4.0], [3.0, 4.0], [3.0, 4.0]]), torch.tensor([10.0, 1.0, 0.0])
    moves = descent(gradient, values, torch.tensor([[0.5], [0.5], [0.5]]))
    assert moves.norm(dim=1).tolist() == pytest.approx([0.5, 0.2, 0.0])
    away = descent(gradient, values, torch.tensor(-0.5))
    assert away.norm(dim=1).tolist() == pytest.approx([0.5, 0.5, 0.5])
    assert (away * gradient).sum(1).max() < 0


class Doubtful(Euler):
    """Knows how far what is foreseen may be wrong."""

    def doubt(self, level: Level) -> float:
        return level.progress


def test_where_states_are_noisy_the_move_is_a_share_of_the_doubt_whatever_the_size_of_the_estimate():
    before, after, _ = pulled(Doubtful(), progress=0.02, strength=2.0)
    size = before[0].numel() ** 0.5
    assert float((after - before).norm()) == pytest.approx(2 * STRIDE * 0.02 * size, rel=1e-4)
    before, after, _ = pulled(Doubtful(), progress=0.0, strength=2.0)
    assert torch.equal(before, after)


def test_what_the_generator_foresaw_is_remembered_beside_what_it_was_moved_to():
    _, _, after = led(STATE)
    assert torch.equal(after.guess, foresee(STATE, Level(0.0)).point)
    assert not torch.equal(after.guess, after.point)


# --- where gradients are taken, and how many -------------------------------------------------------------------------

NETWORK = torch.diag(torch.tensor([2.0, 1.0, 0.0]))


@dataclass(frozen=True)
class Noisy:
    """A state that is one tensor."""

    value: torch.Tensor

    def at(self, value: torch.Tensor) -> Noisy:
        return Noisy(value)


def foresee(state: Noisy, level: Level) -> Estimate:
    """A linear network, whose picture has the color it foresees."""
    return Estimate(state.value @ NETWORK, lambda point: View(point[:, :, None, None].expand(-1, -1, 8, 8)))


def led(state: Noisy, predict=foresee, **how):
    """Where consistency with red leads from what is foreseen, and what was measured on the way."""
    pull = Pull(TintEnergy(), RED, Guidance(signal=RED, consistency=Consistency(**how)))
    after = correct(predict, [pull], Euler(), Streams([1]))(state, Level(0.0))
    return after.point - foresee(state, Level(0.0)).point, pull, after


STATE = Noisy(torch.tensor([[0.1, 0.4, -0.3]]))


def test_a_gradient_through_the_network_is_that_of_the_state():
    straight, through = led(STATE)[0], led(STATE, through=True)[0]
    gap = foresee(STATE, Level(0.0)).point - RED.color
    assert torch.allclose(cosine_similarity(straight, -gap), torch.ones(1))
    assert torch.allclose(cosine_similarity(through, -gap @ NETWORK.T), torch.ones(1))
    assert through.norm() == pytest.approx(straight.norm())
    assert float(cosine_similarity(straight, through)) < 0.99


@pytest.mark.parametrize("how", [{}, {"through": True}, {"gradients": 4}, {"gradients": 4, "through": True}])
def test_every_kind_of_gradient_lowers_the_energy_by_a_move_of_the_same_length(how):
    point = foresee(STATE, Level(0.0)).point
    move, _, _ = led(STATE, **how)
    assert move.norm() <= 1.0001 * RATE * point.norm()
    assert (point + move - RED.color).norm() < (point - RED.color).norm()


def test_several_gradients_are_each_taken_where_the_last_one_led():
    shown = []

    class Watched(TintEnergy):
        def begin(self, signal, first):
            disagreement = super().begin(signal, first)
            return lambda view: shown.append(view.image.detach()) or disagreement(view)

    pull = Pull(Watched(), RED, Guidance(signal=RED, consistency=Consistency(gradients=3)))
    correct(foresee, [pull], Euler(), Streams([1]))(STATE, Level(0.0))
    first, second, third = ((image.mean((2, 3)) - RED.color).norm() for image in shown)
    assert third < second < first


def test_guidances_side_by_side_keep_their_own_ways():
    ways = [Consistency(gradients=3), Consistency(through=True), Consistency()]
    wishes = [tint([0.9, -0.9, -0.9]), tint([-0.9, 0.9, -0.9]), tint([-0.9, -0.9, 0.9])]
    apart = torch.zeros(1, 3)
    pulls = [Pull(TintEnergy(), s, Guidance(signal=s, consistency=way)) for s, way in zip(wishes, ways, strict=True)]
    start = foresee(STATE, Level(0.0)).point
    for pull in pulls[1:]:
        apart = apart + correct(foresee, [pull], Euler(), Streams([1]))(STATE, Level(0.0)).point - start
    together = correct(foresee, pulls[1:], Euler(), Streams([1]))(STATE, Level(0.0)).point - start
    assert torch.allclose(together, apart, atol=1e-6)
    assert [pull.share for pull in pulls] == pytest.approx([1 / 3, 1, 1])
    assert torch.isfinite(correct(foresee, pulls, Euler(), Streams([1]))(STATE, Level(0.0)).point).all()


def test_nothing_of_the_network_is_kept_once_the_estimate_is_corrected():
    kept = []

    def watched(state: Noisy, level: Level) -> Estimate:
        estimate = foresee(state, level)
        kept.append(weakref.ref(estimate.point))
        return estimate

    _, pull, after = led(STATE, watched, through=True, gradients=2)
    assert [reference() for reference in kept] == [None]
    assert not after.point.requires_grad
    assert not pull.values.requires_grad


def test_a_state_that_is_no_tensor_cannot_be_reached_through_the_network():
    pull = Pull(TintEnergy(), RED, Guidance(signal=RED, consistency=Consistency(through=True)))
    predict = correct(lambda state, level: None, [pull], Euler(), Streams([1]))
    with pytest.raises(Unreachable, match="gradients cannot pass through"):
        predict(torch.zeros(1, 3), Level(0.0))


def test_options_are_checked_at_birth():
    for wrong in ({"copies": 0}, {"gradients": 1.5}, {"recurrences": 1000}, {"copies": True}, {"through": "yes"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Consistency(**wrong)


def steps(*progress, **how):
    """How far each of some steps moves the estimate, and what was measured."""
    generator, rng = ToyWalker(), Streams([1])
    state = generator.start(1, rng)
    pull = Pull(TintEnergy(), RED, Guidance(signal=RED, consistency=Consistency(**how)))
    measured, measure = [], pull.measure
    pull.measure = lambda view: measured.append(view.level) or measure(view)
    predict = correct(lambda s, level: generator.predict(s, level, {}), [pull], Euler(), rng)
    moves = [predict(state, Level(one)).point - generator.predict(state, Level(one), {}).point for one in progress]
    return moves, measured


def test_in_between_the_last_gradients_lead_on():
    moves, measured = steps(0.0, 0.25, 0.5, 0.75, interval=2)
    assert measured == [0.0, 0.5]
    assert torch.equal(moves[0], moves[1])
    assert all(move.norm() > 0 for move in moves)
    assert steps(0.0, 0.25, interval=1)[1] == [0.0, 0.25]


def test_several_gradients_are_kept_together():
    moves, measured = steps(0.0, 0.25, interval=3, gradients=2)
    assert measured == [0.0, 0.0]
    assert torch.equal(moves[0], moves[1])


def test_a_step_that_is_taken_again_takes_its_gradients_again():
    assert steps(0.0, 0.0, 0.5, 0.5, interval=2)[1] == [0.0, 0.0]
