"""How an alignment learns: from whom, of what, and that it does."""

from __future__ import annotations

import pytest
import torch

from aligned import ENCODERS, PORTS, untrained
from misen.core.condition import Condition
from misen.generators.gan.alignment.players import AligningGame, AligningRules, squares, surprise
from misen.generators.gan.translation.style import Belief
from toys import Shade, Tint, TintEnergy

COUNT = 8


def liken(given):
    return lambda made: (made - given).abs().mean((1, 2, 3))


def alone(signal, truth):
    return torch.eye(len(signal), dtype=torch.bool)


@pytest.fixture
def game():
    generator = untrained()
    energies = {name: TintEnergy() for name in PORTS}
    return AligningGame(generator.networks, generator.alignment, AligningRules(), energies, liken, alone)


@pytest.fixture
def batch():
    """Pictures of one color each, told as maps to most of them and as tokens to half."""
    colors = torch.rand(COUNT, 3, generator=torch.Generator().manual_seed(0)) * 2 - 1
    signals = {"tint": Tint(colors), "shade": Shade(colors)}
    rows = {"tint": torch.arange(COUNT) < 6, "shade": torch.arange(COUNT) % 2 == 0}
    tokens = torch.stack([colors, colors.flip(1)], dim=1)
    said = {"tint": ENCODERS["tint"].encode(signals["tint"], "map"), "shade": Condition.full("tokens", tokens)}
    return {
        "pictures": colors[:, :, None, None].expand(-1, -1, 16, 16),
        "truth": colors,
        "signals": signals,
        "conditions": {name: condition.where(rows[name]) for name, condition in said.items()},
    }


def silent(batch):
    nobody = torch.zeros(COUNT, dtype=torch.bool)
    conditions = {name: condition.where(nobody) for name, condition in batch["conditions"].items()}
    return {**batch, "conditions": conditions}


def test_the_loss_is_the_weighted_sum_of_what_is_told(game, batch):
    [player] = game.players()
    torch.manual_seed(0)
    loss, figures = player.loss(batch, 0)
    weights = {"alignment": 1, "sureness": 0.5, "contrast": 0.2, "obedience": 0.5, "likeness": 0.5}
    assert set(figures) == {*weights, "tint", "shade"}
    assert loss.item() == pytest.approx(sum(weight * figures[name] for name, weight in weights.items()), rel=1e-4)


def test_every_expert_learns_and_the_generator_does_not(game, batch):
    [player] = game.players()
    player.loss(batch, 0)[0].backward()
    idle = [name for name, one in player.module.named_parameters() if one.grad is None or not one.grad.any()]
    assert idle == []
    assert all(parameter.grad is None for parameter in game.networks.parameters())


def test_where_nothing_is_said_nothing_is_learned(game, batch):
    [player] = game.players()
    loss, figures = player.loss(silent(batch), 0)
    assert all(figures[name] == 0 for name in ("contrast", "obedience", "tint", "shade"))
    loss.backward()
    assert all(one.grad is None or one.grad.abs().max() == 0 for one in player.module.parameters())


def test_sureness_learns_how_far_one_errs_and_nothing_else_does():
    mean, precision = torch.zeros(1, 1, requires_grad=True), torch.full((1, 1), 4.0, requires_grad=True)
    goal = torch.full((1, 1), 0.5)
    surprise(Belief(mean, precision), goal).sum().backward()
    assert mean.grad is None
    assert precision.grad.item() == pytest.approx(0.0, abs=1e-6)  # 1 / 0.5 squared
    assert squares(Belief(mean, precision), goal).item() == 0.25


def test_pictures_that_suit_a_signal_as_well_are_no_wrong_answers(game, batch):
    [player] = game.players()
    game.suits = lambda signal, truth: torch.ones(len(signal), len(signal), dtype=torch.bool)
    assert player.loss(batch, 0)[1]["contrast"] == pytest.approx(0.0, abs=1e-5)


def test_a_batch_is_learned_by_heart(game, batch):
    [player] = game.players()
    optimizer = torch.optim.Adam(player.module.parameters(), lr=1e-2)
    figures = []
    for step in range(60):
        torch.manual_seed(0)
        loss, told = player.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        figures.append({"loss": loss.item(), **told})
    first, last = figures[0], figures[-1]
    assert all(last[name] < 0.5 * first[name] for name in ("tint", "shade", "contrast"))
    assert all(last[name] < first[name] for name in ("loss", "sureness", "obedience", "likeness"))
