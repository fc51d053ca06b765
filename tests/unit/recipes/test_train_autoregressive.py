"""The recipe of models of tokens, from the cache to a folder that opens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from misen.app import load
from misen.assembly import open_model
from misen.codecs.quantized import VQAutoencoder
from misen.codecs.shipped import TOKENS, architecture
from misen.data.cache import CachedWorld
from misen.nn import weights
from misen.nn.description import read_card
from misen.recipes import train_autoregressive as recipe
from misen.training.config import load_config

NAME = "avatars/autoregressive"
CONFIG = f"""
name = "{NAME}"
recipe = "autoregressive"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
ports = {{ text = {{ layout = "tokens" }}, sketch = {{ layout = "map" }}, camera = {{ layout = "vector" }} }}
network = {{ width = 16, layers = 2, heads = 2 }}
"""


@pytest.fixture
def models(models: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A miniature codec of 8x8 tokens, and the text encoder."""
    monkeypatch.setattr(recipe, "WATCHED", 2)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        codec = VQAutoencoder({"kind": "simvq", "codes": 32}, 4, (3, 8, 8, 8), (0, 0, 1), (0, 0, 1))
    weights.save(codec, models / TOKENS, {"name": TOKENS, "architecture": dict(architecture(codec))})
    (models / "joint-a").symlink_to(tiny_weights / "joint-a")
    return models


@pytest.mark.parametrize("kind", ["raster", "masked"])
def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path, kind):
    recipe.train(config(f'model.kind="{kind}"', f'model.defaults={{sampler="{kind}"}}'), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model(NAME)
    assert (card["name"], card["family"], card["kind"]) == (NAME, "autoregressive", kind)
    assert card["training"]["samples"] == 16
    assert card["data"] == {"cache": CachedWorld(world).fingerprint}
    assert card["parameters"] == sum(parameter.numel() for parameter in opened.generator.network.parameters())
    assert (opened.defaults.sampler, opened.defaults.steps, opened.defaults.scale) == (kind, 8, 3.0)
    assert opened.check_sampler(f"{kind}:top_k=3") == f"{kind}:top_k=3"
    link = models / NAME / "tokenizer_vq" / "diffusion_pytorch_model.safetensors"
    assert link.is_symlink()
    assert link.resolve() == models / TOKENS / "model.safetensors"


def test_what_it_ships_makes_pictures_of_words(models, config, tmp_path):
    recipe.train(config(), tmp_path / "run")
    model = load("autoregressive")
    first, again = (model.synthesize("an old woman", seed=7).images[0].tensor for _ in range(2))
    assert first.shape[-2:] == (64, 64)
    assert torch.equal(first, again)
    wide = model.synthesize("an old woman", seed=7, width=128, num_inference_steps=4)
    assert wide.images[0].tensor.shape[-2:] == (64, 128)


def test_going_on_and_resuming(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    recipe.train(config("model.go_on=true", "lr=1e-12", "seed=7"), tmp_path / "unmoved")
    assert read_card(models / NAME)["sha256"] == whole
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole


def test_tokens_are_read_once(models, config, world, tmp_path):
    generator = recipe.build(config().section("model", recipe.Settings), 0)
    path = tmp_path / "tokens.npy"
    tokens = recipe.cached_tokens(generator.tokenizer, CachedWorld(world), path)
    picture = CachedWorld(world).truth(slice(0, 2)).observation.image
    assert tokens.shape == (8, 8, 8)
    assert torch.equal(tokens[:2].long(), generator.tokenizer.read(picture))
    np.save(path, np.zeros((8, 8, 8), np.int16))
    assert not recipe.cached_tokens(generator.tokenizer, CachedWorld(world), path).any()


@pytest.mark.parametrize("name", ["avatars", "maskgit"])
def test_configurations_that_ship_say_what_the_recipe_reads(root, name):
    settings = load_config(root / "configs" / "autoregressive" / f"{name}.toml").section("model", recipe.Settings)
    assert settings.kind in settings.defaults.sampler
    assert set(settings.ports) >= {"text", "segmentation", "sketch", "layout"}
