"""Traits: words, mixtures, unknown and repeated names, and what is told of an avatar."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen.core.errors import FormatError, InputError
from misen.core.view import View
from misen.modalities.attributes.encoder import AttributesEncoder
from misen.modalities.attributes.energy import AttributesEnergy
from misen.modalities.attributes.signal import Attributes, named
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, OFFSETS, ONE_HOT_WIDTH


def test_words_become_weights() -> None:
    weights = Attributes(hair_color="red", hat="top hat").weights
    assert weights.shape == (1, ONE_HOT_WIDTH)
    assert weights.sum() == 2
    assert weights[0, OFFSETS[COLUMN["hat"]] + BY_KEY["hat"].index("top hat")] == 1


def test_the_command_line_says_the_same() -> None:
    expected = Attributes(hair_color="red", hat="top hat")
    assert torch.equal(Attributes.parse("hair_color=red, hat=top hat").weights, expected.weights)
    mixed = Attributes.parse("hair_color=red*0.5+blond*0.25")
    assert torch.equal(mixed.weights, Attributes(hair_color={"red": 0.5, "blond": 0.25}).weights)
    assert mixed.describe() == ["hair_color=blond*0.25+red*0.5"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("hair_colour=blue", "no attribute 'hair_colour'. did you mean 'hair_color'?"),
        ("glasses=rond", "glasses cannot be 'rond'. did you mean 'round'? accepted: none, round, square, sunglasses"),
        ("hat=cap,hat=none", "hat is given twice: 'cap' and 'none'"),
        ("hat", "'hat' is not key=value"),
        ("hat=", "'hat=' is not key=value"),
        ("", "is not key=value"),
        ("hat=cap*x", "'cap*x' is not value*weight"),
        ("hat=cap*nan", "the weight of 'cap' must be from 0 to 1, got nan"),
        ("hat=cap*2", "the weight of 'cap' must be from 0 to 1, got 2.0"),
        ("hat=cap*0.7+beanie*0.7", "weights must add up to at most 1, got 1.4"),
    ],
)
def test_mistakes_are_named_with_what_is_accepted(argument: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        Attributes.parse(argument)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [3, True, ["red"], {}, {"red": "much"}, {"red": True}, None])
def test_values_of_another_kind_are_refused(value: object) -> None:
    with pytest.raises(InputError, match="hair_color"):
        Attributes.from_json([{"hair_color": value}])


def test_items_must_be_objects() -> None:
    with pytest.raises(FormatError):
        Attributes.from_json(["hat=cap"])


@pytest.mark.parametrize(("width", "weight"), [(3, 0.0), (ONE_HOT_WIDTH, 0.9), (ONE_HOT_WIDTH, -1.0)])
def test_weights_that_are_none_are_refused(width: int, weight: float) -> None:
    with pytest.raises(InputError, match="weights must"):
        Attributes(torch.full((1, width), weight))


def test_only_what_is_visible_is_told_and_often_all_of_it(truth) -> None:
    told = named(Attributes.observe(truth, torch.arange(len(truth))).weights)
    visible = truth.observation.attributes_visible
    assert not (told & ~visible).any()
    everything = (told == visible).all(1)
    assert 3 <= everything.sum() <= 14
    assert told.any(1).all()


def test_an_item_without_traits_is_null() -> None:
    signal = Attributes.from_json([{}, {"hat": "cap"}])
    assert AttributesEncoder().encode(signal, "vector").present.tolist() == [False, True]


def test_a_mixture_is_reached_when_it_is_what_is_seen() -> None:
    signal = Attributes(hair_color={"red": 0.5, "blond": 0.3}, earrings={"yes": 0.5, "none": 0.5})
    wish = signal.weights[0].clone()
    hair = slice(OFFSETS[COLUMN["hair_color"]], OFFSETS[COLUMN["hair_color"]] + 8)
    wish[hair][BY_KEY["hair_color"].index("green")] = 0.2  # what is left may be anything else
    logits = wish.clamp_min(1e-9).log()[None].requires_grad_()
    blocks = [logits[:, o : o + len(a)].log_softmax(1) for o, a in zip(OFFSETS, ATTRIBUTES, strict=True)]
    energy = AttributesEnergy(lambda images: SimpleNamespace(log_probability=lambda column: blocks[column]))
    view = View(torch.zeros(1, 3, 64, 64))
    value = energy.begin(signal, view)(view)
    assert value.item() == pytest.approx(0, abs=1e-5)
    assert torch.autograd.grad(value.sum(), logits)[0].isfinite().all()


def test_a_trait_left_open_is_no_token():
    condition = AttributesEncoder().encode(Attributes(hat="cap", glasses="round"), "tokens")
    assert condition.mask.sum() == 2
    assert torch.equal(condition.value.sum(1), Attributes(hat="cap", glasses="round").weights)
    assert condition.value[~condition.mask].abs().max() == 0
