"""Pairs of triples that training never tells together."""

from __future__ import annotations

import torch

from misen.scene.graph import HELD_OUT, TRIPLES, told_too_much


def test_the_pairs_are_few_and_of_facts() -> None:
    assert 5 <= len(HELD_OUT) <= 60
    assert all({first[1], second[1]} <= {"wearing", "has color"} for first, second in HELD_OUT)


def test_the_later_triple_of_a_pair_is_too_much_only_beside_the_earlier() -> None:
    first, second = (TRIPLES.index(triple) for triple in HELD_OUT[0])
    told = torch.zeros(2, len(TRIPLES), dtype=torch.bool)
    told[0, [first, second]] = True
    told[1, second] = True
    too_much = told_too_much(told)
    assert too_much.nonzero().tolist() == [[0, second]]
