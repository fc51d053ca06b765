"""Original checkpoints: every tensor finds its place, and what shapes tell is what the networks were made with."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

import original
from misen.core.errors import ModelFileError, NotFoundError
from misen.pretrained import hub
from misen.pretrained.stable_diffusion import architecture, single_file

SAID = ("block_out_channels", "layers_per_block", "in_channels", "out_channels", "down_block_types", "up_block_types")


@pytest.fixture
def file(folder_of, tmp_path):
    return original.write(folder_of("noise"), tmp_path / "sd.safetensors", **{"model_ema.decay": torch.ones(())})


@pytest.fixture
def target(tmp_path):
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


@pytest.mark.parametrize("name", ["noise", "repainter"])
def test_every_tensor_finds_its_place(folder_of, name, tmp_path, target):
    source = folder_of(name)
    counts = single_file.unpack(original.write(source, tmp_path / "sd.safetensors"), target, source)
    for part in ("unet", "vae", "text_encoder"):
        (before,), (after,) = ((where / part).glob("*.safetensors") for where in (source, target))
        expected, found = load_file(before), load_file(after)
        assert counts[part] == len(found)
        bare = {key.removeprefix("text_model."): tensor for key, tensor in found.items()}
        for key, tensor in expected.items():
            assert torch.equal(tensor, bare[key.removeprefix("text_model.")]), key
    assert counts["left out"] == 0


def test_what_belongs_to_no_network_is_counted(folder_of, file, target):
    assert single_file.unpack(file, target, folder_of("noise"))["left out"] == 1


def on_no_device(kind, part, **settings):
    with torch.device("meta"):
        network = kind(**settings)
    renamed = original.NETWORKS[part](network.state_dict())
    prefix = single_file.NETWORKS[part].prefix
    return network.config, {name.removeprefix(prefix): tuple(tensor.shape) for name, tensor in renamed.items()}


@pytest.mark.parametrize("channels", [4, 9])
def test_shapes_tell_the_u_net_of_version_1(channels):
    config, shapes = on_no_device(
        UNet2DConditionModel, "unet", sample_size=64, in_channels=channels, cross_attention_dim=768
    )
    found = architecture.unet(shapes)
    for name in (*SAID, "cross_attention_dim", "attention_head_dim", "sample_size"):
        assert found[name] == (list(config[name]) if isinstance(config[name], tuple) else config[name]), name


def test_shapes_tell_the_autoencoder_of_version_1():
    config, shapes = on_no_device(
        AutoencoderKL, "vae", block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    found = architecture.autoencoder(shapes)
    for name in (*SAID, "latent_channels", "scaling_factor"):
        assert found[name] == (list(config[name]) if isinstance(config[name], tuple) else config[name]), name


def test_shapes_tell_the_text_encoder(folder_of):
    described = json.loads((folder_of("noise") / "text_encoder" / "config.json").read_text())
    (weights,) = (folder_of("noise") / "text_encoder").glob("*.safetensors")
    shapes = {f"text_model.{k.removeprefix('text_model.')}": tuple(t.shape) for k, t in load_file(weights).items()}
    found = architecture.text_encoder(shapes)
    for name in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "max_position_embeddings"):
        assert found[name] == described[name]


def test_pickles_are_refused_whatever_their_name_with_a_way_out(tmp_path, target):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "sd.safetensors")
    with pytest.raises(ModelFileError, match="pickle refused") as refused:
        single_file.unpack(tmp_path / "sd.safetensors", target)
    assert "safetensors.torch.save_file" in refused.value.hint


def test_a_file_without_a_network_is_refused(folder_of, target):
    with pytest.raises(ModelFileError, match=r"no model\.diffusion_model"):
        single_file.unpack(folder_of("noise") / "unet" / "diffusion_pytorch_model.safetensors", target)


def test_tensors_without_a_place_are_refused(folder_of, tmp_path, target):
    more = {"model.diffusion_model.input_hint_block.0.weight": torch.zeros(2)}
    file = original.write(folder_of("noise"), tmp_path / "sd.safetensors", **more)
    with pytest.raises(ModelFileError, match=r"1 of the .* tensors of the unet have no place"):
        single_file.unpack(file, target, folder_of("noise"))


def test_without_a_vocabulary_it_says_where_to_get_one(folder_of, file, target, monkeypatch):
    monkeypatch.setattr(hub, "cached", lambda name: None)
    with pytest.raises(NotFoundError, match="no vocabulary") as refused:
        single_file.unpack(file, target)
    assert "--config" in refused.value.hint
    assert "hf download" in refused.value.hint


def test_a_folder_may_leave_settings_to_the_shapes(folder_of, file, target, tmp_path):
    words = tmp_path / "words"
    shutil.copytree(folder_of("noise") / "tokenizer", words / "tokenizer")
    single_file.unpack(file, target, words)
    assert json.loads((target / "unet" / "config.json").read_text())["block_out_channels"] == [16, 32]
    assert json.loads((target / "scheduler" / "scheduler_config.json").read_text())["prediction_type"] == "epsilon"
    assert json.loads((target / "model_index.json").read_text())["_class_name"] == "StableDiffusionPipeline"
