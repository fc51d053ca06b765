"""The recipe of the tiny decoder, from the cache to the card."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from misen.codecs import shipped
from misen.data.cache import CachedWorld
from misen.nn.weights import read_card
from misen.recipes import train_tiny_decoder as recipe

CONFIG = """
name = "tiny"
recipe = "tiny_decoder"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
precision = "fp32"
[model]
perceptual = 0.0
architecture = { block_out_channels = [3, 4, 4], decoder_units = [0, 1] }
"""


def test_a_run_ships_a_model_and_the_truth_about_it(codecs, config, world, tmp_path):
    recipe.train(config(), tmp_path / "run")
    card, model = read_card(codecs / "tiny"), shipped.tiny_decoder()
    assert (card["name"], card["training"]["samples"]) == ("tiny", 16)
    assert card["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert card["data"] == asdict(CachedWorld(world).manifest)
    with torch.no_grad():
        again = recipe.compare(shipped.autoencoder(), model, recipe.MEASURED)
    for name in ("psnr", "psnr_large"):
        assert card["figures"][name]["n"] == recipe.MEASURED
        assert card["figures"][name]["value"] == pytest.approx(again[name]["value"], abs=0.02)
    assert card["figures"]["cost"] == again["cost"]
    assert 0 < again["cost"]["gflop"] < again["cost"]["gflop_large"]


def test_going_on_and_resuming(codecs, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(codecs / "tiny")["sha256"]
    recipe.train(config("model.go_on=true", "lr=1e-12", "seed=7"), tmp_path / "unmoved")
    assert read_card(codecs / "tiny")["sha256"] == whole
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(codecs / "tiny")["sha256"] == whole
