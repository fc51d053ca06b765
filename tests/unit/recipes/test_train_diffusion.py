"""The recipe of the diffusion model, from the cache to a folder that diffusers opens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from misen.app import load
from misen.assembly import open_model
from misen.core.seeding import Streams
from misen.data.cache import CachedWorld
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.ports import PortSettings
from misen.nn.description import read_card
from misen.recipes import train_diffusion as recipe

NAME = "avatars/diffusion"
CONFIG = f"""
name = "{NAME}"
recipe = "diffusion"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
ports = {{ text = {{ layout = "tokens" }}, sketch = {{ layout = "map" }}, camera = {{ layout = "vector" }} }}
unet = {{ channels = [16, 16], heads = 2, groups = 2 }}
defaults = {{ steps = 3 }}
"""


@pytest.fixture
def models(codecs: Path, tiny_weights: Path) -> Path:
    """The miniature codecs, and the text encoder."""
    (codecs / "joint-a").symlink_to(tiny_weights / "joint-a")
    return codecs


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of weights, as the folder's index records them."""
    return json.loads((folder / "model_index.json").read_text())["_misen"]["sha256"]


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Every weight of the folder."""
    files = sorted(folder.glob("*/*.safetensors"))
    return {f"{path.parent.name}/{name}": tensor for path in files for name, tensor in load_file(path).items()}


def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path):
    recipe.train(config(), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model(NAME)
    assert (card["name"], card["family"], card["training"]["samples"]) == (NAME, "diffusion", 16)
    assert card["data"] == {"cache": CachedWorld(world).fingerprint}
    assert card["parameters"] == sum(parameter.numel() for parameter in opened.generator.denoiser.parameters())
    assert (opened.defaults.sampler, opened.defaults.steps, opened.defaults.scale) == ("dpm++2m", 3, 3.0)
    assert {name: port.layout for name, port in opened.generator.ports.items()} == {
        "text": "tokens", "sketch": "map", "camera": "vector"
    }  # fmt: skip
    for part, owner in (("vae", "autoencoder"), ("tiny", "tiny")):
        link = models / NAME / part / "diffusion_pytorch_model.safetensors"
        assert link.is_symlink()
        assert link.resolve() == models / owner / "model.safetensors"


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_diffusers_makes_of_words_the_picture_that_the_model_makes(models, config, tmp_path):
    recipe.train(config("lr=0.01"), tmp_path / "run")
    model = load(NAME)
    ours = model.synthesize("an old woman", seed=7).images[0].tensor
    pipe = StableDiffusionPipeline.from_pretrained(models / NAME, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    noise = model.opened.generator.start(1, Streams([7])).value
    theirs = pipe("an old woman", latents=noise, guidance_scale=3.0, num_inference_steps=3, output_type="pt").images[0]
    assert ((ours + 1) / 2 - theirs).abs().max() <= 1e-3


def test_going_on_and_resuming(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole, weights = digests(models / NAME), tensors(models / NAME)
    recipe.train(config("model.go_on=true", "lr=1e-12", "seed=7"), tmp_path / "unmoved")
    assert all(torch.equal(tensor, weights[name]) for name, tensor in tensors(models / NAME).items())
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert digests(models / NAME) == whole


def test_an_aligned_denoiser_ships_without_its_projection(models, tiny_weights, config, tmp_path):
    (models / "observer-a").symlink_to(tiny_weights / "observer-a")
    recipe.train(config("model.alignment=0.5"), tmp_path / "run")
    assert not any("projection" in name for name in tensors(models / NAME))
    card = read_card(models / NAME)
    assert card["training"]["config"]["model"]["alignment"] == 0.5
    learned = open_model(NAME).generator.denoiser.parameters()
    assert card["parameters"] == sum(parameter.numel() for parameter in learned)


def test_an_entrance_of_another_layout_begins_anew_and_the_rest_goes_on():
    def denoiser(layout: str) -> Denoiser:
        settings = DenoiserSettings(channels=(16, 16), heads=2, groups=2, tokens=16, latent_channels=4)
        table = [PortSettings("words", "tokens", 16, 8), PortSettings("traits", layout, 6)]
        return Denoiser(settings.unet(), table, stride=4)

    older, newer = denoiser("vector"), denoiser("tokens")
    begun = {name: value.clone() for name, value in newer.ports.entrances["traits"].state_dict().items()}
    recipe.take_over(newer, older)
    assert all(torch.equal(value, newer.unet.state_dict()[name]) for name, value in older.unet.state_dict().items())
    assert all(torch.equal(value, begun[name]) for name, value in newer.ports.entrances["traits"].state_dict().items())
