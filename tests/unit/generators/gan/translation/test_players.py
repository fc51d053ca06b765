"""The game: what the painter pays for, what the critics learn, and what a match is worth."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from misen.core.condition import Condition
from misen.generators.gan.translation.correspondence import Match
from misen.generators.gan.translation.players import (
    CriticSettings,
    MatchingWeights,
    TranslationGame,
    Weights,
    among,
    returned,
    unlikeness,
)
from misen.nn.fusion.correspondence import directions
from translators import MATCHED, SIZE, TOLD, network, some_map, some_vector

CRITIC = CriticSettings(field=2, width=4, scales=2)


def features(image: torch.Tensor) -> list[torch.Tensor]:
    """A pyramid that sees colors, at strides 2, 4, 8 and 16."""
    return [functional.avg_pool2d(image, 2**level) for level in (1, 2, 3, 4)]


def batch(**conditions) -> dict:
    image = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(9)) * 2 - 1
    return {"image": image, "conditions": conditions}


@pytest.fixture
def told() -> TranslationGame:
    torch.manual_seed(0)
    return TranslationGame(network(TOLD), features, Weights(), CRITIC)


@pytest.fixture
def matched() -> TranslationGame:
    torch.manual_seed(0)
    return TranslationGame(network(MATCHED), features, Weights(), CRITIC, MatchingWeights())


def test_only_those_with_maps_are_held_against_the_true_picture(told):
    painter, _ = told.players()
    rows = torch.tensor([True, False])
    torch.manual_seed(1)
    _, some = painter.loss(batch(tint=some_map(3).where(rows)), 0)
    torch.manual_seed(1)
    _, none = painter.loss(batch(tint=some_map(3).where(~rows & rows)), 0)
    assert all(some[name] > 0 for name in ("features", "lpips_coach", "absolute"))
    assert all(none[name] == 0 for name in ("features", "lpips_coach", "absolute"))
    assert some["divergence"] == 0


def test_the_loss_is_the_weighted_sum_of_what_is_told(told):
    painter, _ = told.players()
    loss, figures = painter.loss(batch(tint=some_map(3), shade=some_vector()), 0)
    weights = {"adversarial": 1, "features": 10, "lpips_coach": 3, "absolute": 3, "divergence": 0.01}
    assert set(figures) == set(weights)
    assert loss.item() == pytest.approx(sum(weight * figures[name] for name, weight in weights.items()), rel=1e-4)


def test_both_players_learn_and_leave_each_other_alone(told):
    painter, critic = told.players()
    given = batch(tint=some_map(3), lines=some_map(1, seed=1), shade=some_vector())
    painter.loss(given, 0)[0].backward()
    assert all(parameter.grad is not None for parameter in painter.module.parameters())
    painter.module.zero_grad()
    critic.module.zero_grad()
    critic.loss(given, 0)[0].backward()
    assert all(parameter.grad is not None for parameter in critic.module.parameters())
    assert all(parameter.grad is None for parameter in painter.module.parameters())


def test_a_batch_is_learned_by_heart(told):
    colors = functional.interpolate(torch.rand(2, 3, 2, 2, generator=torch.Generator().manual_seed(2)), (SIZE, SIZE))
    given = {"image": 2 * colors - 1, "conditions": {"tint": Condition.full("map", colors)}}
    seats = [(player, torch.optim.Adam(player.module.parameters(), lr=1e-2)) for player in told.players()]
    distances = []
    for step in range(40):
        for player, optimizer in seats:
            loss, figures = player.loss(given, step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            distances += [figures["lpips_coach"]] if player.name == "painter" else []
    assert distances[-1] < 0.3 * distances[0]


def test_matching_is_paid_for_where_there_is_something_to_match(matched):
    painter, _ = matched.players()
    loss, figures = painter.loss(batch(tint=some_map(3), face=some_map(3, seed=3)), 0)
    assert {"alignment", "cycle", "warp", "contextual"} < set(figures)
    loss.backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in matched.network.matcher.parameters())
    _, without = painter.loss(batch(tint=some_map(3)), 0)
    assert "warp" not in without


def same(side: int = 4) -> Match:
    unit = directions(torch.randn(2, 12, side, side, generator=torch.Generator().manual_seed(4)))
    return Match(unit, unit)


def test_what_matches_comes_back_and_is_like_what_it_should_be():
    image = torch.rand(2, 3, SIZE, SIZE)
    shifted = Match(same().sought, same().found.roll(1, dims=2))
    assert returned(same(), image).max() < 1e-3
    assert unlikeness(same(), features(image), features(image)).max() < 1e-3
    assert unlikeness(shifted, features(image), features(image)).min() > 1e-3
    assert unlikeness(shifted, features(image), features(image.roll(4, dims=2))).max() < 1e-3


def test_places_that_all_look_alike_lose_what_they_bring():
    flat = torch.ones(2, 12, 4, 4)
    flat[:, 6:] = -1
    alike = Match(directions(flat), directions(flat))
    image = torch.rand(2, 3, SIZE, SIZE)
    cells = functional.avg_pool2d(image, 4)
    expected = (cells - cells.mean((2, 3), keepdim=True)).abs().mean((1, 2, 3))
    torch.testing.assert_close(returned(alike, image), expected)


def test_the_mean_among_none_is_nothing():
    values = torch.tensor([1.0, 3.0])
    assert among(values, torch.tensor([False, True])) == 3
    assert among(values, torch.tensor([False, False])) == 0
