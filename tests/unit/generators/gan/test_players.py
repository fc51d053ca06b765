"""The game: who learns from what, and that everybody learns something."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from misen.generators.gan.players import Critic, Rules, StyleGame, mixed
from misen.nn.critics import ProjectedCritic, ResidualCritic
from misen.training import Trainer, TrainingConfig

RULES = Rules(perceptual=0.0, rebuilding_every=2, penalty_every=2)


def features(images):
    """Two maps, each half as large as the one before."""
    halves = nn.functional.avg_pool2d(images, 2)
    return halves, nn.functional.avg_pool2d(halves, 2)


@pytest.fixture
def game(networks):
    critics = [
        Critic(ResidualCritic((6, 8)), lambda images: images),
        Critic(ProjectedCritic((3, 3), 4), features),
    ]
    return StyleGame(networks, critics, RULES)


@pytest.fixture
def batch():
    draws = torch.Generator().manual_seed(1)
    return {"pictures": nn.functional.interpolate(torch.rand(8, 3, 2, 2, generator=draws) * 2 - 1, (16, 16))}


def learned(module):
    """Names of the parameters to which a gradient came."""
    return {name for name, p in module.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}


def test_the_generator_learns_from_the_critics_and_the_critics_from_what_it_made(game, batch):
    first, second = game.players()
    second.module.requires_grad_(False)
    loss, figures = first.loss(batch, 1)
    loss.backward()
    assert {name.partition(".")[0] for name in learned(game.networks)} == {"mapping", "synthesis"}
    assert set(figures) == {"adversarial"}
    assert not game.made.requires_grad
    game.networks.zero_grad()
    game.networks.requires_grad_(False)
    for critic in game.critics:
        critic.network.requires_grad_(True)
    game.critics[1].network.mixer.requires_grad_(False)
    loss, figures = second.loss(batch, 1)
    loss.backward()
    assert not learned(game.networks)
    free = {name for name, p in second.module.named_parameters() if p.requires_grad}
    assert learned(second.module) <= free
    assert all(name.endswith("bias") for name in free - learned(second.module))  # what both sides share cancels
    assert set(figures) == {"real", "made"}


def test_from_time_to_time_pictures_are_rebuilt_and_slopes_are_penalised(game, batch):
    first, second = game.players()
    loss, figures = first.loss(batch, 2)
    loss.backward()
    assert {name.partition(".")[0] for name in learned(game.networks)} == {"mapping", "synthesis", "encoder"}
    assert set(figures) == {"adversarial", "l1", "spread", "offsets"}
    loss, figures = second.loss(batch, 2)
    assert figures["penalty"] > 0
    second.module.eval()  # spectral norms stay as they are
    game.rules = replace(RULES, penalty=0.0)
    torch.manual_seed(0)
    without, _ = second.loss(batch, 2)
    game.rules = replace(RULES, penalty=1.0)
    torch.manual_seed(0)
    with_it, figures = second.loss(batch, 2)
    assert (with_it - without).item() == pytest.approx(0.5 * 2 * figures["penalty"], rel=1e-3)


def test_every_adversarial_loss_can_be_played(game, batch):
    for name in ("relativistic", "non_saturating", "hinge"):
        other = StyleGame(game.networks, game.critics, replace(RULES, adversarial=name))
        assert all(torch.isfinite(player.loss(batch, 0)[0]) for player in other.players())


def test_random_projections_never_learn(game):
    critics = list(game.players())[1].module
    fixed = {name for name, p in critics.named_parameters() if not p.requires_grad}
    assert fixed
    assert all(".mixer." in name for name in fixed)


def test_rebuilding_draws_the_encoder_to_the_mapping_and_not_back(game, batch):
    [player] = game.beginners()
    loss, figures = player.loss(batch, 0)
    loss.backward()
    assert {name.partition(".")[0] for name in learned(game.networks)} == {"synthesis", "encoder"}
    assert figures["spread"] > 0


def test_one_batch_is_learned_by_heart(game, batch):
    game.rules = replace(RULES, spread=0.0)
    [player] = game.beginners()
    optimizer, losses = torch.optim.Adam(game.networks.parameters(), lr=5e-3), []
    for step in range(150):
        loss, figures = player.loss(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(figures["l1"])
    assert losses[-1] < 0.5 * losses[0]


def test_the_trainer_plays_it_in_mixed_precision(game, batch, tmp_path):
    config = TrainingConfig(name="toy", batch_size=8, steps=4, warmup=0, lr=2e-3, weight_decay=0.0, betas=(0.0, 0.99))
    before = {name: value.clone() for name, value in game.networks.state_dict().items()}
    outcome = Trainer(game.players(), lambda step: batch, config, folder=tmp_path).run()
    assert outcome.skipped == 0
    after = game.networks.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    parameters = dict(game.networks.named_parameters())
    assert [name for name in parameters if torch.equal(before[name], after[name])] == []


def test_the_critics_learn_to_tell_a_fixed_pair(game, batch):
    _, player = game.players()
    game.rules = replace(RULES, augmentations=())
    game.made = torch.zeros(8, 3, 16, 16)
    optimizer = torch.optim.Adam((p for p in player.module.parameters() if p.requires_grad), lr=5e-3)
    losses = []
    for step in range(50):
        loss, figures = player.loss(batch, 2 * step + 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert figures["real"] > figures["made"]


def test_mixed_points_change_their_latent_once():
    torch.manual_seed(0)
    first, second = torch.zeros(400, 5, 2), torch.ones(400, 5, 2)
    points = mixed(first, second, 0.5)[..., 0]
    steps = points[:, 1:] - points[:, :-1]
    assert (steps >= 0).all()
    assert points[:, 0].max() == 0
    assert 0.4 < steps.sum(1).mean() < 0.6
    assert torch.equal(mixed(first, second, 0.0), first)
