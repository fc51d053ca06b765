from __future__ import annotations

from misen.app.evaluate.wording import beside, describe_plainly
from misen.scene.attributes import ATTRIBUTES, KEYS

VALUES = {attribute.key: attribute.values[0] for attribute in ATTRIBUTES} | {
    "presentation": "feminine", "age": "old", "hat": "none", "glasses": "round", "hair_style": "curly",
    "hair_color": "red", "background": "blue", "expression": "smiling", "hat_color": "green",
}  # fmt: skip


def test_what_is_told_is_told_in_plain_words_and_one_order() -> None:
    keys = {"presentation", "age", "hair_style", "hair_color", "glasses", "hat", "expression", "background"}
    told = describe_plainly(VALUES, keys, 1.0)
    assert told == "old woman, curly red hair, round glasses, no hat, smile, blue background, from the left"


def test_nothing_is_told_of_what_is_not_asked_for() -> None:
    assert describe_plainly(VALUES, set(), 0.5) == "person"
    assert describe_plainly(VALUES, {"hair_color"}, 0.5) == "person, red hair"
    assert describe_plainly(VALUES, {"hair_style"}, 0.5) == "person, curly hair"


def test_every_value_has_words_of_its_own() -> None:
    for attribute in ATTRIBUTES:
        told = {describe_plainly(VALUES | {attribute.key: value}, {attribute.key}, 0.5) for value in attribute.values}
        assert len(told) == len(attribute.values), attribute.key


def test_a_part_is_told_in_one_tag() -> None:
    assert beside("hat") == beside("hat_color") == {"hat", "hat_color"}
    assert (beside("glasses"), beside("age")) == ({"glasses"}, {"age"})
    assert all(key in beside(key) for key in KEYS)
