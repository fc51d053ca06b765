from __future__ import annotations

import pytest
import torch

from misen.core.errors import InputError
from misen.editing.words import align, compare, factors, spell, stretch
from misen.perception.text import tokenizer

MAN = "a man with a black hat"


def spelled(prompt: str):
    return spell(tokenizer(), prompt)


def counterparts(source: str, target: str) -> dict[str, list[str]]:
    """For each word of the target, those of the source whose maps it takes over."""
    one, other = spelled(source), spelled(target)
    shares = compare(one, other).shares
    places = range(1, len(other.tokens))
    return {_text(other, place): [_text(one, i) for i in shares[:, place].nonzero().flatten()] for place in places}


def _text(words, place) -> str:
    return words.prompt[slice(*words.spans[place])]


def test_a_prompt_is_aligned_with_itself():
    words = spelled(MAN)
    found = compare(words, words)
    assert torch.equal(found.shares, torch.eye(64))
    assert not (found.lost | found.new | found.added).any()


def test_a_swapped_word_takes_over_from_the_one_it_replaces():
    found = counterparts(MAN, "a woman with a red hat")
    assert found == {"a": ["a"], "woman": ["man"], "with": ["with"], "red": ["black"], "hat": ["hat"]}


def test_an_added_word_has_no_counterpart():
    one, other = spelled("a man with a hat"), spelled("a smiling man with a hat and glasses")
    found = compare(one, other)
    assert [_text(other, place) for place in found.added.nonzero().flatten()] == ["smiling", "and", "glasses"]
    assert not found.lost.any()
    assert torch.equal(found.new, found.added)


def test_a_word_left_out_is_lost():
    one, other = spelled("a smiling man with a hat"), spelled("a man with a hat")
    found = compare(one, other)
    assert [_text(one, place) for place in found.lost.nonzero().flatten()] == ["smiling"]
    assert not found.new.any()
    assert found.shares[found.lost].abs().max() == 0


def test_a_word_stretches_over_a_longer_span():
    found = counterparts("a man with glasses on", "a man with small round spectacles on")
    assert {word: source for word, source in found.items() if source == ["glasses"]}.keys() >= {"small", "round"}
    one, other = spelled("a man with glasses on"), spelled("a man with small round spectacles on")
    (row,) = compare(one, other).shares[4:5]
    assert row.sum().item() == pytest.approx(1)


def test_chinese_words_are_aligned_too():
    found = counterparts("一个戴着黑色高帽的老爷爷", "一个戴着红色高帽的老爷爷")
    assert found == {
        word: [{"红色": "黑色"}.get(word, word)] for word in ("一个", "戴着", "红色", "高", "帽", "的", "老爷爷")
    }


def test_ends_and_padding_stand_for_each_other():
    found = align([1, 2, 3, 4, 5], [1, 2, 5], 12)
    assert found.shares[5:, :3].abs().max() == 0
    assert torch.allclose(found.shares[5:].sum(1), torch.ones(7))
    assert found.shares[5, 3] > 0
    assert not (found.lost | found.new)[5:].any()


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (1, 4), (4, 1), (3, 5), (5, 3), (0, 2), (2, 0)])
def test_stretching_loses_nothing(rows, columns):
    shares = stretch(rows, columns)
    assert shares.shape == (rows, columns)
    assert torch.allclose(shares.sum(1), torch.ones(rows) if columns else torch.zeros(rows))
    assert torch.allclose(shares.sum(0), torch.full((columns,), rows / max(columns, 1)))
    assert rows != columns or torch.equal(shares, torch.eye(rows))


def test_words_weigh_wherever_they_stand():
    words = spelled("a Hat, a chatty man and a red hat")
    weighed = factors(words, {"hat": 2.0, "red": 0.5})
    assert {_text(words, place) for place in (weighed == 2).nonzero().flatten()} == {"Hat", "hat"}
    assert (weighed == 2).sum() == 2
    assert [_text(words, place) for place in (weighed == 0.5).nonzero().flatten()] == ["red"]


def test_several_words_and_chinese_ones_weigh_too():
    chinese, english = spelled("一个戴着黑色高帽的老爷爷"), spelled("a man with red hair")
    assert [_text(chinese, place) for place in (factors(chinese, {"高帽": 3.0}) == 3).nonzero()] == ["高", "帽"]
    assert [_text(english, place) for place in (factors(english, {"red hair": 3.0}) == 3).nonzero()] == ["red", "hair"]
    assert torch.equal(factors(english, {}), torch.ones(64))


def test_weights_of_words_that_are_not_there_name_them():
    with pytest.raises(InputError, match="'a man with a black hat' does not contain: cloak, 胡子"):
        factors(spelled(MAN), {"hat": 2.0, "cloak": 2.0, "胡子": 2.0})


@pytest.mark.parametrize(("source", "target"), [("a man", "two women"), ("", "a man"), ("a man", "一个男人")])
def test_prompts_that_share_no_word_are_named(source, target):
    with pytest.raises(InputError, match=f"share no word: '{source}' and '{target}'"):
        compare(spelled(source), spelled(target))


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match="longer than the 64 tokens that fit; too much is 'and a red cloak'"):
        spelled("hat " * 62 + "and a red cloak")
    assert len(spelled("hat " * 62).tokens) == 63
