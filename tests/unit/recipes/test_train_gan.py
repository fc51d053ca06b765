"""The recipe of the style-based GAN, from the cache to the card."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from misen.app import load
from misen.assembly import open_model
from misen.core.errors import ConfigError
from misen.data.cache import CachedWorld
from misen.metrics.fid import Moments
from misen.metrics.lpips import Lpips
from misen.metrics.reference import Reference
from misen.nn.description import read_card
from misen.recipes import evaluate_gan
from misen.recipes import train_gan as recipe

NAME = "avatars/gan"
CONFIG = f"""
name = "{NAME}"
recipe = "gan"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
judged = false
critics = {{ residual = [4, 4, 4, 4], projected = 0 }}
rules = {{ perceptual = 0.0, rebuilding_every = 2, penalty_every = 2 }}
beginning = {{ steps = 2 }}
defaults = {{ steps = 3 }}
[model.networks]
draws = 6
width = 8
mapping_layers = 2
channels = [8, 8, 8, 8]
encoder_widths = [8, 8, 8, 8]
encoder_units = [0, 0, 0, 0]
summary = 4
"""


@pytest.fixture(autouse=True)
def few(monkeypatch):
    for name in ("MEASURED", "WATCHED"):
        monkeypatch.setattr(recipe, name, 4)


def tensors(models):
    return load_file(models / NAME / "model.safetensors")


def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path):
    outcome = recipe.train(config(), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model("gan")
    assert (outcome.step, card["name"], card["training"]["samples"]) == (4, NAME, 16)
    assert (card["family"], card["kind"], opened.name) == ("gan", "style", NAME)
    assert card["data"] == asdict(CachedWorld(world).manifest)
    assert card["parameters"] == sum(parameter.numel() for parameter in opened.generator.networks.parameters())
    assert (opened.defaults.sampler, opened.defaults.steps, opened.defaults.scale) == ("walk", 3, 1.0)
    told, again = card["figures"]["psnr"], evaluate_gan.measure(opened.generator, 4)
    assert (told["value"], told["n"]) == (pytest.approx(again["psnr"]["value"], abs=0.05), 4)
    assert card["figures"]["cost"] == pytest.approx(again["cost"])
    assert opened.generator.networks.mapping.mean.abs().max() > 0
    assert card["beginning"]["samples"] == 8
    images = load("gan").synthesize(seed=7, num_images=2).images
    assert images[0].tensor.shape == (3, 64, 64)
    assert not torch.equal(images[0].tensor, images[1].tensor)


@pytest.mark.parametrize("beginning", [1, 3])
def test_a_run_can_stop_before_and_after_the_critics_come(models, config, tmp_path, in_two_parts, beginning):
    changes = f"model.beginning.steps={beginning}"
    recipe.train(config(changes), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(recipe, config(changes), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole
    recipe.train(config(changes), tmp_path / "parts", resume=True)  # to the end of which it had come
    assert read_card(models / NAME)["sha256"] == whole


def test_going_on(models, config, tmp_path):
    recipe.train(config(), tmp_path / "first")
    first = tensors(models)
    recipe.train(config("model.go_on=true", "lr=1e-12"), tmp_path / "unmoved")
    further = tensors(models)
    assert torch.allclose(further.pop("mapping.mean"), first["mapping.mean"], atol=1e-3)  # of weights before rounding
    assert all(torch.equal(tensor, first[name]) for name, tensor in further.items())
    assert not (tmp_path / "unmoved" / "beginning").exists()


def test_critics_can_look_through_the_observer_and_the_judge_be_asked(
    models, tiny_weights, config, tmp_path, monkeypatch
):
    models.mkdir()
    (models / "observer-a").symlink_to(tiny_weights / "observer-a")
    told = {"fid_a": {"value": 2.0, "low": 1.0, "high": 3.0, "n": 4}}
    monkeypatch.setattr(recipe, "judged", lambda generator, count: told)
    monkeypatch.setattr(recipe, "watch", lambda generator, count, with_judge: {"fid_a": float(with_judge)})
    changes = ("model.critics.projected=4", "model.rules.perceptual=0.3", "model.judged=true", "log_every=2")
    outcome = recipe.train(config(*changes), tmp_path / "run")
    assert read_card(models / NAME)["figures"]["fid_a"] == told["fid_a"]
    assert outcome.figures["evaluation.fid_a"] == 1
    assert "generator.lpips_coach" in outcome.figures


@pytest.mark.parametrize(
    ("change", "message"),
    [("critics.residual=[]", "no critic to learn from"), ("rules.adversarial='magic'", "'relativistic', 'non_sat")],
)
def test_a_game_that_cannot_be_played_is_refused(config, models, tmp_path, change, message):
    with pytest.raises(ConfigError, match=message):
        recipe.train(config(f"model.{change}"), tmp_path / "run")


def test_what_the_judge_says_is_told_with_its_interval(monkeypatch):
    torch.manual_seed(0)
    networks = recipe.StyleNetworks(recipe.StyleSettings(6, 8, 2, (8, 8), (8, 8), (0, 0), 4))
    generator = recipe.StyleGenerator(networks.eval().requires_grad_(False))
    lpips = Lpips(lambda images: [functional.avg_pool2d(images, 2)])
    grader = SimpleNamespace(survey=lambda images: SimpleNamespace(features=images[:, :, 3, 3]), lpips=lambda: lpips)
    real, naive = torch.rand(80, 3), 3 * torch.rand(80, 3)
    reference = Reference("toy", Moments.of(torch.rand(500, 3)), real, naive, real)
    monkeypatch.setattr(evaluate_gan, "referee", lambda: (grader, reference))
    figures = evaluate_gan.judged(generator, 60)
    distance = figures["fid_a"]
    assert distance["low"] < distance["value"] < distance["high"]
    assert distance["ratio"] == pytest.approx(distance["value"] / reference.naive_distance(60))
    assert all(figures[f"path_length_{space}"]["value"] > 0 for space in "zw")
    assert figures["path_length_z"]["n"] == 60
    assert figures["diversity_1"]["n"] == 15


def test_pictures_nearer_to_what_is_typical_are_more_alike():
    torch.manual_seed(0)
    networks = recipe.StyleNetworks(recipe.StyleSettings(6, 8, 2, (8, 8), (8, 8), (0, 0), 4))
    networks.mapping.settle(torch.randn(200, 6))
    generator = recipe.StyleGenerator(networks.eval().requires_grad_(False))
    figures = evaluate_gan.truncation(generator, Lpips(lambda images: [functional.avg_pool2d(images, 2)]), 41)
    diversities = [figures[f"diversity_{share:g}"]["value"] for share in evaluate_gan.SHARES]
    assert diversities == sorted(diversities)
    assert diversities[0] < 0.3 * diversities[-1]
    assert (figures["diversity_trend"]["value"], figures["diversity_trend"]["n"]) == (pytest.approx(1), 10)
