"""Splits do not meet, and training A never shows a held-out combination."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from misen.core.errors import LimitError
from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.sampling import sample
from misen.scene.splits import (
    COMPOSITION,
    HELD_OUT,
    NAMED,
    SALIENT,
    SPLITS,
    TEST,
    TRAIN_A,
    TRAIN_B,
    VALIDATION,
    Split,
    held_out,
)


def test_ranges_are_disjoint() -> None:
    ordered = sorted(SPLITS, key=lambda split: split.first)
    assert all(a.stop <= b.first for a, b in pairwise(ordered))


def test_named_examples_are_held_out() -> None:
    assert set(NAMED) <= set(HELD_OUT)
    assert len(HELD_OUT) == 7


@pytest.mark.parametrize("pair", HELD_OUT)
def test_held_out_finds_each_pair(pair: tuple[tuple[str, str], tuple[str, str]]) -> None:
    record = sample(torch.arange(400), full_circle=0.0)
    for key, value in pair:
        record = record.with_attribute(key, value)
    assert held_out(record.attributes).all()


def test_held_out_agrees_with_the_list_of_pairs() -> None:
    record = sample(torch.arange(500))
    expected = [
        any(all(record.value(key, item) == value for key, value in pair) for pair in HELD_OUT) for item in range(500)
    ]
    assert held_out(record.attributes).tolist() == expected


def test_about_one_avatar_in_seven_is_held_out() -> None:
    share = held_out(sample(torch.arange(10_000)).attributes).float().mean()
    assert 0.10 < share < 0.16


@pytest.mark.parametrize("split", [TRAIN_A, VALIDATION])
def test_training_never_shows_held_out_combinations(split: Split) -> None:
    assert not held_out(split.records(0, 5000).attributes).any()


def test_training_shows_every_value() -> None:
    attributes = TRAIN_A.records(0, 3000).attributes
    for key in SALIENT:
        assert set(attributes[:, COLUMN[key]].tolist()) == set(range(len(BY_KEY[key])))


def test_training_b_shows_everything() -> None:
    assert held_out(TRAIN_B.records(0, 500).attributes).any()


def test_composition_is_all_held_out() -> None:
    assert held_out(COMPOSITION.records(0, 300).attributes).all()


@pytest.mark.parametrize("split", SPLITS)
def test_an_element_does_not_depend_on_its_batch(split: Split) -> None:
    together = split.seeds(100, 64)
    assert torch.equal(together[37:38], split.seeds(137, 1))
    assert len(together.unique()) == 64
    assert split.first <= int(together.min())
    assert int(together.max()) < split.stop


def test_test_seeds_index_the_test_range() -> None:
    assert TEST.seeds(7, 2).tolist() == [TEST.first + 7, TEST.first + 8]


@pytest.mark.parametrize(("start", "count"), [(len(TEST), 1), (-1, 1)])
def test_beyond_the_range_is_refused(start: int, count: int) -> None:
    with pytest.raises(LimitError, match="test has"):
        TEST.seeds(start, count)
