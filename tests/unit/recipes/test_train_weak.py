"""The recipe of the weak network, which becomes a part of the model that ships and changes nothing else of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from misen.assembly import open_model
from misen.nn.description import read_card
from misen.recipes import train_diffusion, train_weak
from misen.training import TrainingConfig
from misen.training.config import parse_config

BESIDE, NAME = "avatars/diffusion", "weak"
FIRST = f"""
name = "{BESIDE}"
recipe = "diffusion"
batch_size = 4
steps = 1
warmup = 1
[model]
ports = {{ text = {{ layout = "tokens" }}, camera = {{ layout = "vector" }} }}
unet = {{ channels = [16, 16], heads = 2, groups = 2 }}
defaults = {{ steps = 3 }}
"""
CONFIG = f"""
name = "{NAME}"
recipe = "weak"
batch_size = 4
steps = 4
lr = 0.01
warmup = 1
ema = 0.5
[model]
beside = "{BESIDE}"
unet = {{ channels = [8, 16], width = 8, groups = 2, latent_channels = 4 }}
"""


@pytest.fixture
def models(codecs: Path, tiny_weights: Path, world: Path, tmp_path: Path) -> Path:
    """A model that ships, with all it is made of."""
    (codecs / "joint-a").symlink_to(tiny_weights / "joint-a")
    train_diffusion.train(parse_config(FIRST, overrides=[f'data.cache="{world}"']), tmp_path / "first")
    return codecs


@pytest.fixture
def config(world: Path) -> Callable[..., TrainingConfig]:
    return lambda *sets: parse_config(CONFIG, overrides=[f'data.cache="{world}"', *sets])


def learned(models: Path) -> dict[str, torch.Tensor]:
    return load_file(models / NAME / "model.safetensors")


def test_a_run_ships_a_part_of_the_model_and_leaves_the_others(models, config, tmp_path):
    folder = models / BESIDE
    before = {path: path.read_bytes() for path in folder.glob("*/*.safetensors")}
    assert open_model(BESIDE).generator.weak is None
    train_weak.train(config(), tmp_path / "run")
    assert all(path.read_bytes() == content for path, content in before.items())
    part = folder / "weak" / "diffusion_pytorch_model.safetensors"
    assert part.is_symlink()
    assert part.resolve() == (models / NAME / "model.safetensors").resolve()
    weak = open_model(BESIDE).generator.weak.state_dict()
    assert all(torch.equal(tensor.half(), learned(models)[name].half()) for name, tensor in weak.items())
    card = read_card(models / NAME)
    assert (card["name"], card["training"]["samples"]) == (NAME, 16)
    assert card["architecture"]["channels"] == [8, 16]


def test_a_run_can_be_resumed(models, config, tmp_path, in_two_parts):
    train_weak.train(config(), tmp_path / "whole")
    whole = learned(models)
    in_two_parts(train_weak, config(), tmp_path / "parts")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in learned(models).items())
