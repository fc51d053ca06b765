"""Diffusion in the latents of an autoencoder with codes, from the models that ship to one beside them."""

from __future__ import annotations

import pytest
import torch
from diffusers import StableDiffusionPipeline

from misen.assembly import open_model
from misen.codecs import shipped
from misen.codecs.quantized import VQAutoencoder
from misen.core.errors import ModelFileError
from misen.core.seeding import Streams
from misen.generators.diffusion.state import Latents
from misen.nn import weights
from misen.nn.description import read_card
from misen.recipes import build_quantized as recipe
from misen.recipes import train_diffusion
from misen.training.config import parse_config

CONFIG = f"""
name = "{recipe.SOURCE}"
recipe = "diffusion"
batch_size = 4
steps = 1
warmup = 1
[model]
ports = {{ text = {{ layout = "tokens" }}, sketch = {{ layout = "map" }} }}
unet = {{ channels = [16, 16], heads = 2, groups = 2 }}
defaults = {{ steps = 3 }}
"""
CODES = {"kind": "ema", "codes": 16, "groups": 2}


@pytest.fixture
def models(codecs, tiny_weights, world, tmp_path):
    """A model that ships, and an autoencoder with codes that has its latents."""
    (codecs / "joint-a").symlink_to(tiny_weights / "joint-a")
    train_diffusion.train(parse_config(CONFIG, overrides=[f'data.cache="{world}"']), tmp_path / "first")
    ship(VQAutoencoder.beginning_as(shipped.autoencoder(), CODES))
    return codecs


def ship(model):
    facts = {"name": shipped.QUANTIZED, "architecture": dict(shipped.architecture(model))}
    weights.save(model, weights.SHIPPED / shipped.QUANTIZED, facts)


def test_all_but_the_autoencoder_is_shared(models):
    recipe.main()
    folder, source = models / recipe.NAME, models / recipe.SOURCE
    owners = {path.parent.name: path.resolve() for path in folder.glob("*/*.safetensors") if path.is_symlink()}
    assert set(owners) == {"unet", "ports", "tiny", "text_encoder", "vae"}
    assert owners["vae"] == (models / shipped.QUANTIZED / weights.WEIGHTS).resolve()
    assert owners["unet"].is_relative_to(source.resolve())
    card = read_card(folder)
    assert (card["name"], card["source"], card["family"]) == (recipe.NAME, recipe.SOURCE, "diffusion")
    assert "figures" not in card
    assert card["training"] == read_card(source)["training"]


def test_its_latents_are_the_sources_and_its_pictures_are_of_codes(models):
    recipe.main()
    plain, quantized = open_model(recipe.SOURCE).generator, open_model(recipe.NAME).generator
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    torch.testing.assert_close(quantized.encode(image), plain.encode(image))
    point = plain.start(1, Streams([0])).value
    made = quantized.finish(Latents(point))
    codec = shipped.quantized()
    codes = codec.quantize(point / codec.config.scaling_factor).value
    torch.testing.assert_close(made, codec.decoder(codes).clamp(-1, 1))
    assert not torch.allclose(made, plain.finish(Latents(point)))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_stock_pipeline_opens_it_and_decodes_by_way_of_codes(models):
    recipe.main()
    pipe = StableDiffusionPipeline.from_pretrained(models / recipe.NAME, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    assert isinstance(pipe.vae, VQAutoencoder)
    noise = torch.randn(1, 4, 16, 16)
    settings = {"latents": noise, "num_inference_steps": 3, "guidance_scale": 2.0}
    latents = pipe("an old woman", output_type="latent", **settings).images
    shown = pipe("an old woman", output_type="pt", **settings).images * 2 - 1
    made = open_model(recipe.NAME).generator.finish(Latents(latents))
    assert (shown - made).abs().max() <= 1e-4


def test_an_autoencoder_with_other_latents_is_refused(models):
    other = VQAutoencoder.beginning_as(shipped.autoencoder(), CODES)
    with torch.no_grad():
        other.encoder.exit.bias.add_(1)
    ship(other)
    with pytest.raises(ModelFileError, match="autoencoder-vq has other latents") as refused:
        recipe.main()
    assert "keep_latents" in refused.value.hint
