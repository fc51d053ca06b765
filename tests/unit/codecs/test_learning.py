from __future__ import annotations

from types import SimpleNamespace

import torch
from torch.nn import functional

from misen.codecs import learning
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.learning import AutoencoderGame, CodecLosses, TinyPlayer
from misen.codecs.quantized import VQAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.distributed import Team
from misen.nn.quantizer.interface import Tallies


def batch(count: int = 4):
    torch.manual_seed(1)
    image = functional.interpolate(torch.rand(count, 3, 4, 4) * 2 - 1, (16, 16), mode="bilinear")
    return {"truth": SimpleNamespace(observation=SimpleNamespace(image=image))}


def small() -> KLAutoencoder:
    torch.manual_seed(0)
    return KLAutoencoder(block_out_channels=(3, 16, 16), encoder_units=(1, 1), decoder_units=(1, 1))


def features(image):
    return [image, functional.avg_pool2d(image, 2)]


def play(players, step: int) -> list[dict]:
    figures = []
    for player in players:
        for other in players:
            other.module.requires_grad_(other is player)
        loss, told = player.loss(batch(), step)
        loss.backward()
        figures.append(told)
    return figures


def test_the_autoencoder_learns_a_batch():
    model = small()
    (player, _) = AutoencoderGame(model, CodecLosses(adversarial_start=10**6)).players()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    errors = []
    for step in range(60):
        loss, told = player.loss(batch(), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(told["l1"])
    assert errors[-1] < errors[0] / 4


def test_a_critic_that_weighs_nothing_does_not_play():
    (player,) = AutoencoderGame(small(), CodecLosses(adversarial=0)).players()
    assert player.name == "autoencoder"


def test_equivariance_teaches_the_decoder_half_size_pictures():
    image = batch()["truth"].observation.image
    gaps = []
    for weight in (0.0, 2.0):
        model = small()
        (player,) = AutoencoderGame(model, CodecLosses(adversarial=0, equivariance=weight)).players()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for step in range(60):
            loss, _ = player.loss(batch(), step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        halved = functional.avg_pool2d(model.encode(image).latent_dist.mode(), 2)
        gaps.append((model.decode(halved).sample - functional.avg_pool2d(image, 2)).abs().mean().item())
    assert gaps[1] < gaps[0] / 2


def test_both_players_receive_gradients_once_the_critic_counts():
    game = AutoencoderGame(small(), CodecLosses(adversarial_start=5), features)
    players = list(game.players())
    early, critic = play(players, 0)
    assert {"l1", "lpips_coach", "kl"} == set(early)
    assert {"real", "made"} == set(critic)
    quiet = game.autoencoder.decoder.exit.weight.grad.clone()
    game.autoencoder.zero_grad()
    play(players, 5)
    assert not torch.allclose(quiet, game.autoencoder.decoder.exit.weight.grad)
    assert all(parameter.grad is not None for parameter in game.critic.parameters())


def test_an_autoencoder_with_codes_learns_a_batch_and_its_codes_follow():
    torch.manual_seed(0)
    codes = {"kind": "ema", "codes": 16, "groups": 2, "decay": 0.8}
    model = VQAutoencoder(codes, block_out_channels=(3, 16, 16), encoder_units=(1, 1), decoder_units=(1, 1))
    (player,) = AutoencoderGame(model, CodecLosses(adversarial=0)).players()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    figures = []
    for step in range(80):
        loss, told = player.loss(batch(), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        figures.append(told)
    assert figures[-1]["l1"] < figures[0]["l1"] / 2
    assert 8 < figures[-1]["perplexity"] <= 16
    assert set(figures[-1]) == {"l1", "commitment", "perplexity"}
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_team_counts_together_and_takes_the_candidates_of_its_first(monkeypatch):
    """Both processes see the mean of what each of them told."""
    rank = [Tallies(*(torch.full((1, 2), value) for value in (2.0, 3.0, 5.0 + which))) for which in range(2)]
    sent = []
    monkeypatch.setattr(learning, "average", lambda tensors, everyone: sent.append(tensors))
    for which in range(2):
        learning.shared(rank[which], Team(which, 2, torch.device("cpu")))
    means = [torch.stack(parts).mean(0)[0, 0].item() for parts in zip(*sent, strict=True)]
    assert means == [2.0, 3.0, 5.0]


def test_the_tiny_decoder_follows_its_teacher_and_leaves_it_alone():
    teacher, tiny = small(), TinyDecoder(block_out_channels=(3, 16, 16), decoder_units=(1, 1))
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    player = TinyPlayer(tiny, teacher)
    optimizer = torch.optim.AdamW(tiny.parameters(), lr=1e-2)
    errors = []
    for step in range(80):
        loss, told = player.loss(batch(), step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        errors.append(told["l1"])
    assert errors[-1] < errors[0] / 2
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
