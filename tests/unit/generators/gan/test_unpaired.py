"""Translation without pairs: two ways, a critic at either end, and coming back."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from misen.generators.gan.unpaired import Travellers, UnpairedGame, UnpairedWeights, round_trip

CLASSES = 3


@pytest.fixture
def travellers() -> Travellers:
    torch.manual_seed(0)
    return Travellers(CLASSES, (8, 8))


def batch() -> dict:
    draw = torch.Generator().manual_seed(1)
    labels = torch.randint(CLASSES, (2, 4, 4), generator=draw).repeat_interleave(4, 1).repeat_interleave(4, 2)
    parts = functional.one_hot(labels, CLASSES).movedim(-1, 1).float()
    return {"pictures": torch.rand(2, 3, 16, 16, generator=draw) * 2 - 1, "parts": parts}


def test_both_ways_keep_the_size_and_the_ranges(travellers):
    given = batch()
    picture, parts = travellers.picture(given["parts"]), travellers.parts(given["pictures"])
    assert (picture.shape, parts.shape) == ((2, 3, 16, 16), (2, CLASSES, 16, 16))
    assert picture.abs().max() <= 1
    assert torch.allclose(parts.sum(dim=1), torch.ones(2, 16, 16), atol=1e-5)


def test_a_round_trip_counts_the_places_whose_part_is_another():
    parts = functional.one_hot(torch.tensor([[[0, 1], [2, 2]]]), CLASSES).movedim(-1, 1).float()
    other = functional.one_hot(torch.tensor([[[0, 2], [2, 1]]]), CLASSES).movedim(-1, 1).float()
    assert round_trip(parts, parts) == 0
    assert round_trip(other, parts) == 0.5


def game(travellers: Travellers, **weights: float) -> UnpairedGame:
    return UnpairedGame(travellers, CLASSES, UnpairedWeights(**weights), width=4)


@pytest.mark.parametrize("weights", [{}, {"cycle": 10.0}, {"patches": 1.0}, {"cycle": 10.0, "patches": 1.0}])
def test_a_translation_pays_for_what_has_a_weight(travellers, weights):
    given = batch()
    travelling, watching = game(travellers, **weights).players()
    loss, figures = travelling.loss(given, 0)
    assert set(figures) == set(weights)
    assert torch.isfinite(loss)
    watched, _ = watching.loss(given, 0)
    assert watched.requires_grad


@pytest.mark.parametrize(("name", "weight"), [("cycle", 10.0), ("patches", 1.0)])
def test_staying_near_is_learned(travellers, name, weight):
    given = batch()
    travelling, _ = game(travellers, **{name: weight}).players()
    optimizer = torch.optim.Adam(travellers.parameters(), lr=0.01)
    torch.manual_seed(0)
    first = travelling.loss(given, 0)[1][name]
    for _ in range(20):
        optimizer.zero_grad()
        loss, figures = travelling.loss(given, 0)
        loss.backward()
        optimizer.step()
    assert figures[name] < 0.85 * first


def test_critics_see_only_what_was_made_and_learn_alone(travellers):
    table, given = game(travellers, cycle=10.0), batch()
    travelling, watching = table.players()
    travelling.loss(given, 0)
    watching.loss(given, 0)[0].backward()
    assert all(parameter.grad is None for parameter in travellers.parameters())
    assert any(parameter.grad is not None for parameter in table.critics.parameters())
