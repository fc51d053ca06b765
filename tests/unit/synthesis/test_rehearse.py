from __future__ import annotations

from misen.core.guidance import Consistency, Guidance
from misen.synthesis import plan
from misen.synthesis.plan import Demand
from misen.synthesis.rehearse import Pace, Pass, count, rehearse
from toys import ENCODERS, SIZE, Euler, ToyDiffusion, energies, tint

RED = tint([1.0, 0.0, 0.0])
IMAGE = 4 * 3 * SIZE * SIZE


def cost(*wishes, batch=1, steps=12, scale=1.0):
    generator, sampler = ToyDiffusion(), Euler(steps)
    decided = plan(generator, wishes, sampler=sampler, encoders=ENCODERS, energies=energies(), scale=scale)
    return rehearse(generator, sampler, decided, batch=batch), generator


def times(found, operation: str) -> int:
    return sum(count for call, count in found.calls.items() if str(call.operation).startswith(f"aten.{operation}"))


def test_predictions_count_as_often_as_the_plan_asks_for_them():
    free, _ = cost()
    guided, _ = cost(Guidance(signal=RED), scale=3.0)
    longer, generator = cost(Guidance(signal=RED), scale=3.0, steps=24)
    assert [times(found, "sub") for found in (free, guided, longer)] == [12, 24, 48]
    assert len(generator.asked) == 1


def test_gradients_of_the_decoder_are_done_too():
    pulled, _ = cost(Guidance(signal=RED, route="consistency"))
    assert times(pulled, "sum") == 12
    assert times(cost()[0], "sum") == 0


def test_more_pictures_at_once_take_more_memory():
    assert IMAGE < cost()[0].peak <= 8 * IMAGE
    assert cost(batch=5)[0].peak > 4 * cost()[0].peak


def demand(sets, adapters=(), predictions=1):
    return Demand(predictions, sets, 0, adapters)


def test_features_are_kept_for_each_set_of_conditions_while_it_is_asked():
    steps = [demand(2)] * 3 + [demand(1)] * 2
    assert count(steps, Pace(interval=2)) == {Pass(1): 5, Pass(1, kept=True): 3}
    assert count(steps, Pace(interval=2, jointly=True)) == {
        Pass(2): 2, Pass(2, kept=True): 1, Pass(1): 1, Pass(1, kept=True): 1
    }  # fmt: skip
    assert count(steps, Pace()) == {Pass(1): 8}


def test_samplers_that_ask_twice_a_step_keep_within_it():
    steps = [demand(1, predictions=2)] * 4
    assert count(steps, Pace(interval=3), stages=2) == {Pass(1): 4, Pass(1, kept=True): 4}


def test_adapters_count_where_they_act():
    steps = [demand(2, ("lines",)), demand(2)]
    assert count(steps, Pace()) == {Pass(1, ("lines",)): 2, Pass(1): 2}


def test_of_an_edit_the_part_counts_that_is_walked():
    generator, sampler = ToyDiffusion(), Euler(12)
    whole = plan(generator, [], sampler=sampler, encoders=ENCODERS, energies=energies())
    assert times(rehearse(generator, sampler, whole, pace=Pace(strength=0.5)), "sub") == 6


def test_gradients_that_are_kept_are_not_counted():
    wish = Guidance(signal=RED, route="consistency", consistency=Consistency(interval=3))
    assert times(cost(wish, steps=13)[0], "sum") == 5
