from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.generators.diffusion.folder import WEIGHTS, load, save
from misen.generators.diffusion.samplers import DpmSolver

LEVEL = Level(0.3, 0.8, 0.5)


@pytest.fixture
def saved(generator, tmp_path):
    generator.card = {"name": "avatars/toy", "family": "diffusion", "training": {"samples": 3}}
    save(generator, tmp_path / "model")
    return tmp_path / "model"


def foresee(generator, conditions):
    state = generator.start(2, Streams([1, 2]))
    return generator.predict(state, LEVEL, conditions(2)).point


def test_round_trip(generator, saved, tmp_path, conditions):
    again = load(saved)
    assert torch.equal(foresee(again, conditions), foresee(generator, conditions))
    point = torch.randn(1, 4, 8, 8)
    estimates = [some.predict(some.start(1, Streams([0])), LEVEL, {}).view(point).image for some in (again, generator)]
    assert torch.equal(*estimates)
    assert again.card == generator.card
    save(again, tmp_path / "twice")
    files = sorted(path.relative_to(saved) for path in saved.rglob("*") if path.is_file())
    assert files == sorted(p.relative_to(tmp_path / "twice") for p in (tmp_path / "twice").rglob("*") if p.is_file())
    assert all((saved / name).read_bytes() == (tmp_path / "twice" / name).read_bytes() for name in files)


def test_a_model_can_be_saved_where_it_was_opened(saved):
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    save(load(saved), saved)
    assert {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()} == before


def test_only_safe_files_are_written(saved):
    suffixes = {path.suffix for path in saved.rglob("*") if path.is_file()}
    assert suffixes == {".safetensors", ".json", ".toml"}


def test_all_files_can_be_read_by_others(saved, tmp_path):
    (saved / "text_encoder" / "config.json").chmod(0o600)
    save(load(saved), tmp_path / "twice")
    files = [path for folder in (saved, tmp_path / "twice") for path in folder.rglob("*") if path.is_file()]
    private = [path.relative_to(tmp_path) for path in files if not path.stat().st_mode & 0o044]
    assert private == [Path("model", "text_encoder", "config.json")]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_stock_pipeline_makes_the_same_picture(generator, saved, condition):
    pipe = StableDiffusionPipeline.from_pretrained(saved, tokenizer=None, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    words, noise, scale, steps = condition("words", 1), torch.randn(1, 4, 8, 8), 3.0, 6
    theirs = pipe(
        prompt_embeds=words.value,
        negative_prompt_embeds=generator.denoiser.ports.stock.null[None],
        latents=noise,
        guidance_scale=scale,
        num_inference_steps=steps,
        output_type="pt",
    ).images

    def predict(state, level):
        null, full = (generator.predict(state, level, given) for given in ({}, {"words": words}))
        return null.at(null.point + scale * (full.point - null.point))

    sampler, state = DpmSolver(steps), generator.start(1, Streams([0])).at(noise)
    for level in sampler.levels(guided=False):
        state = sampler.step(state, level, predict, Streams([0]))
    assert ((generator.finish(state) + 1) / 2 - theirs).abs().max() <= 1e-4


def test_the_text_encoder_is_stock(generator, saved):
    pipe = StableDiffusionPipeline.from_pretrained(saved, tokenizer=None)
    ids = torch.arange(8)[None]
    ours = generator.companions["text_encoder"].half().float()(input_ids=ids).last_hidden_state
    assert torch.allclose(pipe.text_encoder(input_ids=ids).last_hidden_state, ours, atol=1e-6)


def test_a_flipped_bit_is_refused(saved):
    path = saved / "unet" / WEIGHTS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="altered"):
        load(saved)


def test_weights_of_another_architecture_are_listed(saved):
    _edit(saved, lambda tensors: tensors.pop("entrances.lines.gather.weight"))
    with pytest.raises(ModelFileError, match=r"1 missing: entrances\.lines\.gather\.weight"):
        load(saved)


def test_weights_that_are_not_finite_are_named(saved):
    _edit(saved, lambda tensors: tensors["entrances.lines.gather.weight"].fill_(float("nan")))
    with pytest.raises(ModelFileError, match=r"entrances\.lines\.gather\.weight"):
        load(saved)


def _edit(folder, change) -> None:
    """Change the weights of the ports and forget their digest."""
    tensors = load_file(folder / "ports" / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / "ports" / WEIGHTS)
    _rewrite(folder, lambda ours: ours["sha256"].pop(f"ports/{WEIGHTS}"))


def _rewrite(folder, change) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    change(index["_misen"])
    (folder / "model_index.json").write_text(json.dumps(index))


def test_newer_and_foreign_folders_are_refused(saved, tmp_path):
    _rewrite(saved, lambda ours: ours.update(format=2))
    with pytest.raises(ModelFileError, match="format >= 2, this one reads 1"):
        load(saved)
    (saved / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(ModelFileError, match="not written by Misen"):
        load(saved)
    with pytest.raises(NotFoundError):
        load(tmp_path / "nowhere")


def test_a_configuration_that_describes_nothing_is_refused(saved):
    (saved / "unet" / "config.json").write_text('{"block_out_channels": [3, 5], "norm_num_groups": 7}')
    with pytest.raises(ModelFileError, match="describes no UNet2DConditionModel"):
        load(saved)


@pytest.mark.parametrize("stated", [["diffusers", "AutoencoderKL"], [], 5])
def test_an_autoencoder_of_another_kind_is_refused(saved, stated):
    index = json.loads((saved / "model_index.json").read_text())
    (saved / "model_index.json").write_text(json.dumps({**index, "vae": stated}))
    with pytest.raises(ModelFileError, match="which is not ours") as refused:
        load(saved)
    assert "VQAutoencoder" in refused.value.hint
