"""The players: what is learned of which tokens."""

from __future__ import annotations

import pytest
import torch

import sequences
from misen.core.generator import Player
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.players import MaskedPlayer, RasterPlayer, draw_masks, parts, surprise
from misen.generators.autoregressive.raster import RasterNetwork
from sequences import CELLS, CODES, SETTINGS, TABLE, some_tokens


def learning(kind):
    torch.manual_seed(0)
    network = {RasterNetwork: RasterPlayer, MaskedNetwork: MaskedPlayer}
    cls = RasterNetwork if kind == "raster" else MaskedNetwork
    return network[cls](cls(SETTINGS, TABLE))


@pytest.mark.parametrize("kind", ["raster", "masked"])
def test_a_beginner_knows_nothing_and_learns_one_batch(kind, conditions):
    player = learning(kind)
    assert isinstance(player, Player)
    batch = {"tokens": some_tokens(), "conditions": conditions}
    optimizer, losses = torch.optim.AdamW(player.module.parameters(), lr=1e-2), []
    for step in range(60):
        loss, figures = player.loss(batch, step)
        assert all(isinstance(value, float) for value in figures.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert abs(losses[0] - torch.tensor(float(CODES)).log()) < 0.5
    assert losses[-1] < 0.3 * losses[0]


def test_the_raster_loss_is_that_of_each_token_after_those_before_it(raster, conditions):
    tokens = some_tokens()
    loss, figures = RasterPlayer(raster).loss({"tokens": tokens, "conditions": conditions}, 0)
    table = raster(tokens, conditions).log_softmax(1)
    expected = -table.gather(1, tokens[:, None])[:, 0]
    assert torch.allclose(loss, expected.mean(), atol=1e-5)
    assert figures["first_row"] == pytest.approx(expected[:, 0].mean().item(), abs=1e-5)


def test_tokens_that_are_shown_give_no_gradient(masked):
    player, tokens = MaskedPlayer(masked), some_tokens(batch=8)
    errors, masks = player._part(tokens, {})
    loss = errors[masks].mean()
    scores = []
    masked.register_forward_hook(lambda module, given, made: scores.append(made.requires_grad_()) or made)
    torch.manual_seed(1)
    errors, masks = player._part(tokens, {})
    [slope] = torch.autograd.grad(errors[masks].mean(), scores[0])
    assert torch.equal(slope.abs().sum(1) > 0, masks)
    assert torch.isfinite(loss)


def test_masks_are_of_every_size():
    torch.manual_seed(0)
    counts = draw_masks(some_tokens(batch=400)).flatten(1).sum(1)
    assert counts.min() == 1
    assert counts.max() == CELLS - 1
    assert counts.float().mean() == pytest.approx(CELLS * 2 / torch.pi, rel=0.06)
    places = draw_masks(some_tokens(batch=2000)).float().mean(0)
    assert places.std() < 0.03


def test_parts_hold_every_item_once_the_shortest_first(raster, conditions):
    tokens = some_tokens()
    first, second = parts(raster, {"tokens": tokens, "conditions": conditions})
    assert torch.equal(torch.cat([first[0], second[0]]), tokens)  # the second item has a map, and so more tokens
    assert torch.equal(second[1]["lines"].present, torch.tensor([True]))


def test_surprise_is_in_nats():
    scores = torch.zeros(1, 4, 2, 2)
    assert torch.allclose(surprise(scores, torch.zeros(1, 2, 2).long()), torch.full((1, 2, 2), 4.0).log())


def test_generators_bring_their_players():
    for kind in ("raster", "masked"):
        (player,) = sequences.generator(kind).players()
        assert player.name == "network"
