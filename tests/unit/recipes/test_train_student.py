"""The recipe of the few-step student, from the model that ships to one beside it that shares its parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from misen.assembly import encoders, open_model, words
from misen.core.errors import NotFoundError
from misen.core.guidance import Guidance
from misen.nn.description import read_card
from misen.recipes import train_diffusion, train_student
from misen.recipes.shipping import separate
from misen.synthesis import plan, synthesize
from misen.training.config import parse_config

TEACHER, NAME = "avatars/diffusion", "avatars/diffusion-fast"
FIRST = f"""
name = "{TEACHER}"
recipe = "diffusion"
batch_size = 4
steps = 1
warmup = 1
[model]
ports = {{ text = {{ layout = "tokens" }}, sketch = {{ layout = "map" }}, camera = {{ layout = "vector" }} }}
unet = {{ channels = [16, 16], heads = 2, groups = 2 }}
defaults = {{ steps = 3 }}
"""
CONFIG = f"""
name = "{NAME}"
recipe = "student"
batch_size = 4
steps = 4
lr = 0.01
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
shares = {{ text = 2.0 }}
curriculum = {{ halving = 2, halvings = 3 }}
"""


@pytest.fixture
def models(codecs: Path, tiny_weights: Path, world: Path, tmp_path: Path) -> Path:
    """A teacher that ships, with all it is made of."""
    (codecs / "joint-a").symlink_to(tiny_weights / "joint-a")
    train_diffusion.train(parse_config(FIRST, overrides=[f'data.cache="{world}"']), tmp_path / "first")
    return codecs


def links(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/*.safetensors") if path.is_symlink()}


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{part}/{name}": tensor
        for part in ("unet", "ports")
        for name, tensor in load_file(folder / part / "diffusion_pytorch_model.safetensors").items()
    }


def test_a_run_ships_a_student_that_shares_all_but_what_it_learned(models, config, tmp_path):
    before = weights_of(models / TEACHER)
    train_student.train(config(), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model(NAME)
    assert (card["name"], card["family"], card["training"]["samples"]) == (NAME, "diffusion", 16)
    assert (opened.defaults.sampler, opened.defaults.steps, opened.defaults.scale) == ("consistency", 4, 1.0)
    assert links(models / NAME) == {"vae", "tiny", "text_encoder"}
    text = models / NAME / "text_encoder" / "model.safetensors"
    assert text.resolve() == (models / TEACHER / "text_encoder" / "model.safetensors").resolve()
    learned = weights_of(models / NAME)
    assert any(not torch.equal(tensor, learned[name]) for name, tensor in before.items())
    assert all(torch.equal(tensor, weights_of(models / TEACHER)[name]) for name, tensor in before.items())
    sampler, wish = opened.samplers["consistency"](4), Guidance(signal=words("an old woman"))
    made = plan(opened.generator, [wish], sampler=sampler, encoders=encoders(), energies={}, scale=1.0)
    assert made.evaluations == 4
    assert torch.isfinite(synthesize(opened.generator, sampler, made, seeds=[7]).images).all()


def test_it_begins_as_its_teacher_and_can_be_resumed_and_made_again(models, config, tmp_path, in_two_parts):
    train_student.train(config("lr=1e-12"), tmp_path / "unmoved")
    learned = weights_of(models / NAME)
    assert all(torch.equal(tensor, learned[name]) for name, tensor in weights_of(models / TEACHER).items())
    train_student.train(config(), tmp_path / "whole")
    whole = weights_of(models / NAME)
    in_two_parts(train_student, config(f'data.latents="{tmp_path / "whole"}"'), tmp_path / "parts")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in weights_of(models / NAME).items())
    assert not list((tmp_path / "parts").glob("latents-*"))


def test_a_student_stays_what_it_was_when_its_teacher_is_trained_further(models, config, tmp_path):
    train_student.train(config(), tmp_path / "run")
    text = models / NAME / "text_encoder" / "model.safetensors"
    content = text.read_bytes()
    separate(models / TEACHER)
    assert not text.is_symlink()
    assert text.read_bytes() == content
    recorded = json.loads((models / NAME / "model_index.json").read_text())["_misen"]["sha256"]
    assert "text_encoder/model.safetensors" in recorded


def test_a_share_of_what_the_teacher_does_not_take_is_refused(models, config, tmp_path):
    with pytest.raises(NotFoundError, match="there is no port called 'sketsh'"):
        train_student.train(config("model.shares.sketsh=2.0"), tmp_path / "run")
