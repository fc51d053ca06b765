from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from misen.core.condition import Condition
from misen.core.generator import Level, answering
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.synthesis.mix import Native, mix, prefixes, weights
from toys import ToyLinear, average, port, shade, tint

RED, BLUE = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 1.0]])


def native(name: str, color: torch.Tensor, strength: float = 1.0, **rest) -> Native:
    signal = tint([0.0] * 3) if name == "tint" else shade([0.0] * 3)
    mixable = rest.pop("mixable", True)
    condition = Condition.full("vector", color)
    return Native(name, condition, Guidance(signal=signal, strength=strength, **rest), mixable)


def estimate(natives, scale=1.0, negatives=None, progress=0.0) -> torch.Tensor:
    generator = ToyLinear()
    predict = mix(generator, natives, scale, negatives or {})
    return predict(generator.start(1, Streams([0])), Level(progress)).point


@given(st.lists(st.floats(-3, 3, width=32), max_size=5), st.floats(0.5, 20))
def test_weights_add_to_one(strengths, scale):
    assert sum(weights(sorted(strengths, reverse=True), scale)) == pytest.approx(1)


def test_one_guidance_is_classifier_free_guidance():
    assert torch.allclose(estimate([native("tint", RED)], scale=4), 4 * RED)


def test_strengths_scale_the_parts_they_belong_to():
    result = estimate([native("tint", RED, 0.5), native("shade", BLUE, 2.0)], scale=3)
    assert torch.allclose(result, 1.5 * RED + 6 * BLUE)


def test_equal_strengths_collapse_to_two_evaluations_and_the_same_sum():
    terms = prefixes([native("tint", RED, 2), native("shade", BLUE, 2)], 3, {})
    assert [(weight, sorted(given)) for weight, given in terms] == [(-5, []), (6, ["shade", "tint"])]
    nearly = estimate([native("tint", RED, 2), native("shade", BLUE, 2 + 1e-6)], scale=3)
    assert torch.allclose(estimate([native("tint", RED, 2), native("shade", BLUE, 2)], scale=3), nearly, atol=1e-4)


def test_strength_zero_is_unguided_and_scale_one_is_one_evaluation():
    assert prefixes([native("tint", RED, 0)], 7, {}) == [(1.0, {})]
    assert [weight for weight, _ in prefixes([native("tint", RED)], 1, {})] == [1.0]


def test_negative_strength_pushes_away():
    assert torch.allclose(estimate([native("tint", RED, -1)], scale=2), -2 * RED)


def test_outside_its_window_a_guidance_is_as_if_not_given():
    windowed = native("tint", RED, window=(0.25, 0.5))
    inside, outside = estimate([windowed], 4, progress=0.25), estimate([windowed], 4, progress=0.5)
    assert torch.allclose(inside, 4 * RED)
    assert torch.equal(outside, torch.zeros(1, 3))


def test_a_negative_takes_the_place_of_null():
    negative = {"tint": Condition.full("vector", BLUE)}
    assert torch.allclose(estimate([native("tint", RED)], 3, negative), BLUE + 3 * (RED - BLUE))


def test_a_negative_alone_pushes_away_from_itself():
    negative = {"tint": Condition.full("vector", BLUE)}
    assert torch.allclose(estimate([], 3, negative), -2 * BLUE)
    assert torch.allclose(estimate([native("shade", RED)], 3, negative), 3 * RED - 2 * BLUE)


def test_a_port_without_null_is_in_every_term():
    terms = prefixes([native("tint", RED, mixable=False), native("shade", BLUE)], 3, {})
    assert [sorted(given) for _, given in terms] == [["tint"], ["shade", "tint"]]


def test_tokens_for_one_port_are_joined_and_absent_ones_do_not_count():
    ports = {"tint": port("tint", layout="tokens")}
    first = Condition.full("tokens", RED[:, None])
    second = Condition.full("tokens", BLUE[:, None]).where(torch.tensor([False]))
    wishes = [Native("tint", c, Guidance(signal=tint([0.0] * 3))) for c in (first, second)]
    [(_, given)] = prefixes(wishes, 1, {})
    assert given["tint"].mask.tolist() == [[True, False]]
    assert torch.equal(average(ports, {"tint": first}, 1), RED)
    assert given["tint"].value.shape == (1, 2, 3)


# --- truncation ------------------------------------------------------------------------------------------------------


class Centred(ToyLinear):
    """Answers with its state, and knows what is typical."""

    def predict(self, state, level, conditions):
        return super().predict(state, level, conditions).at(state + average(self.ports, conditions, len(state)))

    def typical(self, state):
        return torch.ones_like(state)


def centred(natives=(), scale=1.0, negatives=None) -> torch.Tensor:
    predict = mix(Centred(), natives, scale, negatives or {})
    return predict(torch.full((1, 3), 5.0), Level(0.0)).point


def test_where_nothing_is_wished_the_scale_is_the_distance_from_what_is_typical():
    assert [centred(scale=scale)[0, 0].item() for scale in (0, 0.5, 1, 2)] == [1, 3, 5, 9]


def test_wishes_have_the_scale_to_themselves():
    assert torch.allclose(centred([native("tint", RED)], scale=3), 5 + 3 * RED)
    assert torch.equal(centred([native("tint", RED, 0)], scale=3), torch.full((1, 3), 5.0))
    assert torch.allclose(centred(negatives={"tint": Condition.full("vector", BLUE)}, scale=3), 5 - 2 * BLUE)


class Contrasted(ToyLinear):
    """Knows something weaker early in the walk, which foresees gray."""

    def contrast(self, state, level):
        return None if level.progress >= 0.5 else self.predict(state, level, {}).at(torch.full((1, 3), 0.25))


def contrasted(natives, scale, negatives=None, progress=0.0, generator=None) -> torch.Tensor:
    generator = generator or Contrasted()
    return mix(generator, natives, scale, negatives or {})(generator.start(1, Streams([0])), Level(progress)).point


def test_guidance_leads_away_from_what_is_weaker():
    assert torch.allclose(contrasted([native("tint", RED)], 4), 4 * RED - 3 * torch.tensor(0.25))
    assert torch.allclose(contrasted([native("tint", RED)], 4, progress=0.5), 4 * RED)


@pytest.mark.parametrize(
    ("natives", "scale", "negatives"),
    [
        ([], 4, None),
        ([native("tint", RED)], 1, None),
        ([native("tint", RED, 0.1)], 4, None),
        ([native("tint", RED, -1)], 4, None),
        ([native("tint", RED)], 4, {"tint": Condition.full("vector", BLUE)}),
        ([native("shade", BLUE, mixable=False), native("tint", RED)], 4, None),
    ],
)
def test_what_is_weaker_is_not_asked_where_nothing_leads_away_from_no_condition(natives, scale, negatives):
    assert torch.equal(contrasted(natives, scale, negatives), estimate(natives, scale, negatives))


def test_who_answers_otherwise_may_leave_it_out():
    generator = Contrasted()
    kept, left = (answering(generator, generator.predict, contrast=contrast) for contrast in (True, False))
    wishes = [native("tint", RED)]
    assert torch.equal(contrasted(wishes, 4, generator=kept), contrasted(wishes, 4))
    assert torch.equal(contrasted(wishes, 4, generator=left), estimate(wishes, 4))
