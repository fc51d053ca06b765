"""Probes: one that reads every word passes them, one that only counts words fails where the words are the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from misen.recipes import probe_joint
from misen.recipes.probe_joint import Seen, negation_choices, order_choices, probe, told_apart, wordings
from misen.scene.attributes import COLUMN, KEYS, OFFSETS, ONE_HOT_WIDTH
from misen.scene.splits import TEST

COUNT = 40
ENGLISH, CHINESE = "en", "zh"


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Avatars all of whose attributes can be seen, each placed where its attributes say."""
    attributes = TEST.records(0, COUNT).attributes
    places = torch.zeros(COUNT, ONE_HOT_WIDTH).scatter_(1, attributes + torch.tensor(OFFSETS), 1.0)
    return Seen(attributes, torch.ones_like(attributes, dtype=torch.bool), functional.normalize(places, dim=1))


class Reader:
    """Places the sentences of ``wordings`` by their meaning, and all others by how many words they share."""

    def __init__(self) -> None:
        self.meaning = {
            sentence: OFFSETS[COLUMN[key]] + index
            for language in (ENGLISH, CHINESE)
            for key in KEYS
            for index, value in enumerate(probe_joint.BY_KEY[key].values)
            for sentence in wordings(key, value, language)
        }

    def text(self, sentences: Sequence[str]) -> Tensor:
        return torch.stack([self._place(sentence) for sentence in sentences])

    def _place(self, sentence: str) -> Tensor:
        place = torch.zeros(ONE_HOT_WIDTH)
        if sentence in self.meaning:
            place[self.meaning[sentence]] = 1.0
        return place


def test_who_knows_the_words_reads_every_attribute_and_no_order(seen: Seen) -> None:
    figures = probe(Reader(), seen)
    assert {name.split(".")[1] for name in figures} == {"attributes", "order", "negation"}
    for language in (ENGLISH, CHINESE):
        assert figures[f"{language}.attributes"].value > 0.95  # two values may share a wording
        assert figures[f"{language}.order.hat_color-shirt_color"].value == 0


def test_wordings_say_one_thing_in_several_ways() -> None:
    said = wordings("glasses", "none", ENGLISH)
    assert len(said) == probe_joint.WORDINGS
    assert len(set(said)) > 3
    assert not any("hair" in sentence for sentence in said)


def test_orders_are_of_the_same_words(seen: Seen) -> None:
    english, chinese = (order_choices(seen, language) for language in (ENGLISH, CHINESE))
    for choice in itertools.chain(*english.values()):
        assert choice.right != choice.wrong
        assert sorted(choice.right.replace(",", "").split()) == sorted(choice.wrong.replace(",", "").split())
    item, right, _ = english["order.hat_color-shirt_color"][0]
    hat, shirt = seen.values("hat_color")[item], seen.values("shirt_color")[item]
    assert right == f"a person in a {hat} hat and a {shirt} shirt"
    assert {name: len(choices) for name, choices in english.items()} == {n: len(c) for n, c in chinese.items()}
    assert all(len(choices) > 10 for choices in english.values())


def test_negations_are_true_on_both_sides(seen: Seen) -> None:
    choices = negation_choices(seen, ENGLISH)
    bare, dressed = choices["negation.absent"], choices["negation.present"]
    assert all("without" in choice.right and "without" not in choice.wrong for choice in bare)
    assert all("without" in choice.wrong and "without" not in choice.right for choice in dressed)
    told = len(bare) + len(dressed)
    assert told == len(probe_joint.MISSABLE) * COUNT - seen.values("hat").count("headband")
    assert "a person with a hat" in {choice.right for choice in dressed}
    assert "一个没有眼镜的人" in {choice.right for choice in negation_choices(seen, CHINESE)["negation.absent"]}


def test_what_cannot_be_seen_is_not_asked(seen: Seen) -> None:
    hidden = Seen(seen.attributes, torch.zeros_like(seen.visible), seen.places)
    assert not any(order_choices(hidden, ENGLISH).values())
    assert negation_choices(hidden, ENGLISH) == {"negation.absent": [], "negation.present": []}


def test_a_choice_is_right_where_the_true_sentence_is_nearer(seen: Seen) -> None:
    class Sure:
        def text(self, sentences: Sequence[str]) -> Tensor:
            signs = torch.tensor([[-1.0 if "without" in sentence else 1.0] for sentence in sentences])
            return signs.expand(-1, ONE_HOT_WIDTH)

    choices = negation_choices(seen, ENGLISH)
    assert told_apart(Sure(), seen, choices["negation.present"]).all()
    assert not told_apart(Sure(), seen, choices["negation.absent"]).any()
