from __future__ import annotations

from misen.core.guidance import Guidance
from misen.synthesis import plan
from misen.synthesis.rehearse import rehearse
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
