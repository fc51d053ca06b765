"""The recipe of the autoencoder, from the cache to the card."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from misen.codecs import shipped
from misen.data.cache import CachedWorld
from misen.nn.weights import read_card
from misen.recipes import train_autoencoder as recipe

CONFIG = """
name = "autoencoder"
recipe = "autoencoder"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
precision = "fp32"
[model]
architecture = { block_out_channels = [3, 8, 8], encoder_units = [1, 1], decoder_units = [1, 1] }
losses = { perceptual = 0.0, adversarial_start = 1 }
"""


def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path):
    outcome = recipe.train(config(), tmp_path / "run")
    card, model = read_card(models / "autoencoder"), shipped.autoencoder()
    assert (outcome.step, card["name"], card["training"]["samples"]) == (4, "autoencoder", 16)
    assert card["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert card["data"] == asdict(CachedWorld(world).manifest)
    assert str(world) not in (models / "autoencoder" / "card.toml").read_text()
    pictures = recipe.test_pictures(recipe.MEASURED)
    assert model.config.scaling_factor == pytest.approx(recipe.scaling_factor(model, pictures), rel=0.01)
    told, again = card["figures"]["psnr"], recipe.fidelity(model, pictures).mean().item()
    assert (told["value"], told["n"]) == (pytest.approx(again, abs=0.02), recipe.MEASURED)
    assert told["low"] < told["value"] < told["high"]


def test_going_on_and_resuming(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / "autoencoder")["sha256"]
    recipe.train(config("model.go_on=true", "lr=1e-12", "seed=7"), tmp_path / "unmoved")
    assert read_card(models / "autoencoder")["sha256"] == whole
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / "autoencoder")["sha256"] == whole


def test_latents_can_be_kept_while_the_decoder_learns(models, config, tmp_path):
    recipe.train(config(), tmp_path / "first")
    first = shipped.autoencoder()
    recipe.train(config("model.go_on=true", "model.keep_latents=true"), tmp_path / "further")
    further = shipped.autoencoder()
    pairs = zip(first.named_parameters(), further.parameters(), strict=True)
    changed = {name for (name, before), after in pairs if not torch.equal(before, after)}
    assert {name.partition(".")[0] for name in changed} == {"decoder"}
    assert further.config.scaling_factor == first.config.scaling_factor


CODES = ('name="autoencoder-vq"', 'model.start="autoencoder"', 'model.quantizer={kind="ema", codes=16, groups=2}')


def test_one_with_codes_keeps_the_latents_of_the_one_it_begins_as(models, config, tmp_path):
    recipe.train(config(), tmp_path / "first")
    recipe.train(config(*CODES, "model.keep_latents=true"), tmp_path / "codes")
    first, model, card = shipped.autoencoder(), shipped.quantized(), read_card(models / "autoencoder-vq")
    pictures = recipe.test_pictures(recipe.MEASURED)
    with torch.no_grad():
        torch.testing.assert_close(model.encode(pictures).latents, first.encode(pictures).latent_dist.mode())
    assert model.config.scaling_factor == first.config.scaling_factor
    assert card["architecture"]["quantizer"] == {"kind": "ema", "codes": 16, "groups": 2}
    again = recipe.measure(model, recipe.MEASURED)
    for name in ("psnr", "usage", "perplexity"):
        assert card["figures"][name]["value"] == pytest.approx(again[name]["value"], rel=0.02)
    assert 0 < again["usage"]["value"] <= 1 <= again["perplexity"]["value"] <= 16


def test_codes_are_resumed(models, config, tmp_path, in_two_parts):
    recipe.train(config(CODES[0], CODES[2]), tmp_path / "whole")
    whole = read_card(models / "autoencoder-vq")["sha256"]
    assert shipped.quantized().config.scaling_factor != 1
    in_two_parts(recipe, config(CODES[0], CODES[2]), tmp_path / "parts")
    assert read_card(models / "autoencoder-vq")["sha256"] == whole


def test_codes_go_on(models, config, tmp_path):
    recipe.train(config(CODES[0], CODES[2]), tmp_path / "first")
    first = shipped.quantized()
    recipe.train(config(CODES[0], "model.go_on=true", "steps=1"), tmp_path / "further")
    further = shipped.quantized()
    assert further.config.quantizer == first.config.quantizer
    moved = (further.quantize.codebook - first.quantize.codebook).abs().mean()
    assert 0 < moved < 0.5 * first.quantize.codebook.std()


def test_the_judge_can_be_asked_for_the_card(models, config, tmp_path, monkeypatch):
    told = {"fid_a": {"value": 2.0, "low": 1.0, "high": 3.0, "n": 4}}
    monkeypatch.setattr(recipe, "judged", lambda model, count: told)
    recipe.train(config("model.judged=true"), tmp_path / "run")
    assert read_card(models / "autoencoder")["figures"]["fid_a"] == told["fid_a"]
