from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch._subclasses.fake_tensor import FakeTensor
from transformers import CLIPTextModel

import foreign
from misen import assembly
from misen.core.errors import LimitError, ModelFileError, NotFoundError
from misen.core.generator import Generator, Projectable, Repainting, Sizable, Startable
from misen.nn import room
from misen.nn.rehearsal import stage
from misen.pretrained.parts import weigh_part
from misen.pretrained.stable_diffusion import folder as files

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copied(folder_of, tmp_path):
    """A folder that may be changed."""
    return shutil.copytree(folder_of("noise"), tmp_path / "model")


def describe(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_generator_of_many_sizes_comes_out(opened):
    generator = opened("noise").generator
    for capability in (Generator, Startable, Projectable, Sizable):
        assert isinstance(generator, capability)
    assert not isinstance(generator, Repainting)
    assert isinstance(opened("repainter").generator, Repainting)
    assert (generator.size, generator.side_step) == (32, 4)
    assert generator.sized(24, 40).shape == (4, 12, 20)
    assert generator.shape == (4, 16, 16)
    assert generator.ports["text"].width == foreign.WIDTH
    assert opened("paired").generator.ports["text"].width == 2 * foreign.WIDTH


def test_no_prompt_is_the_empty_one_or_zeros(opened, tmp_path):
    read = opened("noise").encoders["text"].read([""]).value[0]
    assert torch.equal(opened("noise").generator.null(1)["text"].value[0], read)
    assert not opened("paired").generator.null(1)["text"].value.any()
    spoken = files.load(foreign.paired(tmp_path / "model", force_zeros_for_empty_prompt=False))
    assert spoken.generator.null(1)["text"].value.any()


@pytest.mark.parametrize(
    "name", ["diffusion_pytorch_model.bin", "model.ckpt", "diffusion_pytorch_model.SafeTensors", UNET]
)
def test_pickled_weights_are_refused_whatever_their_name(copied, name):
    (copied / UNET).unlink()
    torch.save({"weight": torch.zeros(2)}, copied / "unet" / name.removeprefix("unet/"))
    with pytest.raises(ModelFileError, match="pickle refused") as refused:
        files.load(copied)
    assert refused.value.exit_code == 3
    assert "misen convert" in refused.value.hint


def test_pickled_weights_beside_safe_ones_are_left_alone(copied):
    (copied / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04 anything")
    files.load(copied)


def test_editions_with_a_word_in_their_name_are_opened_too(copied, opened):
    (copied / UNET).rename(copied / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    unet = files.load(copied).parts["unet"].state_dict()
    assert all(torch.equal(tensor, unet[name]) for name, tensor in opened("noise").parts["unet"].state_dict().items())


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "scheduler", "tokenizer"])
def test_a_missing_part_is_named(copied, part):
    shutil.rmtree(copied / part)
    with pytest.raises(NotFoundError, match=f"{part}.*(missing|lacks)"):
        files.load(copied)


def test_missing_weights_are_named_with_what_is_there(copied):
    (copied / UNET).unlink()
    with pytest.raises(NotFoundError, match=r"diffusion_pytorch_model\.safetensors and holds no weights"):
        files.load(copied)


def test_missing_and_extra_tensors_are_listed(copied):
    tensors = load_file(copied / UNET)
    tensors["left.over"] = tensors.pop("conv_in.bias")
    save_file(tensors, copied / UNET, {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"1 missing: conv_in\.bias \(16,\); 1 extra: left\.over \(16,\)"):
        files.load(copied)


def test_weights_of_another_architecture_are_refused(copied):
    describe(copied / "unet" / "config.json", block_out_channels=[8, 32])
    with pytest.raises(ModelFileError, match="UNet2DConditionModel"):
        files.load(copied)


def test_weights_that_are_not_finite_are_refused(copied):
    tensors = load_file(copied / "vae" / "diffusion_pytorch_model.safetensors")
    tensors["quant_conv.bias"][1] = torch.nan
    save_file(tensors, copied / "vae" / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    with pytest.raises(ModelFileError, match=r"'quant_conv\.bias' holds a NaN"):
        files.load(copied)


def test_parts_of_different_models_are_refused(copied, folder_of):
    shutil.rmtree(copied / "unet")
    shutil.copytree(folder_of("paired") / "unet", copied / "unet")
    with pytest.raises(
        ModelFileError, match=r"cross_attention_dim is 64 and not 32; .*addition_embed_type is 'text_time'"
    ):
        files.load(copied)


def test_folders_of_another_kind_are_refused(copied):
    describe(copied / "model_index.json", _class_name="FluxPipeline")
    with pytest.raises(ModelFileError, match="is for FluxPipeline"):
        files.load(copied)


def test_text_encoders_of_older_files_hold_positions_too(copied):
    path = copied / "text_encoder" / "model.safetensors"
    tensors = load_file(path)
    prefix = next(iter(tensors)).split("embeddings")[0].split("encoder")[0].split("final")[0]
    tensors[f"{prefix}embeddings.position_ids"] = torch.arange(77)[None]
    save_file(tensors, path, {"format": "pt"})
    assert isinstance(files.load(copied).parts["text_encoder"], CLIPTextModel)


@pytest.mark.parametrize("name", ["noise", "paired", "repainter"])
def test_an_outline_plans_without_weights(folder_of, opened, name):
    where = stage()
    outlined, whole = files.outline(folder_of(name), where).generator, opened(name).generator
    assert (outlined.ports, outlined.shape, outlined.side_step) == (whole.ports, whole.shape, whole.side_step)
    assert all(isinstance(parameter, FakeTensor) for parameter in outlined.network.parameters())
    burden, parts = files.weigh(folder_of(name)), opened(name).parts
    networks = [part for part in parts.values() if isinstance(part, torch.nn.Module)]
    numbers = sum(parameter.numel() for network in networks for parameter in network.parameters())
    assert burden.opened == burden.peak == 4 * numbers
    assert burden.stored > burden.opened


def test_half_floats_are_there_twice_while_they_are_opened(copied):
    whole, path = files.weigh(copied), copied / UNET
    save_file({name: tensor.half() for name, tensor in load_file(path).items()}, path, {"format": "pt"})
    halved = files.weigh(copied)
    assert halved.opened == whole.opened
    unet = weigh_part(copied / "unet", *files.PARTS["unet"])
    assert halved.peak == max(whole.opened, unet.peak)
    assert unet.peak == unet.opened + path.stat().st_size


def test_models_for_which_memory_does_not_suffice_are_refused(copied, monkeypatch):
    monkeypatch.setattr(room, "free", lambda device: files.weigh(copied).peak - 1)
    with pytest.raises(LimitError, match=r"opening .* needs .* MB of memory, and .* MB are free"):
        files.load(copied)


def test_folders_of_a_later_generation_are_refused(copied):
    for version in ("0.999", "soon"):
        describe(copied / "model_index.json", _diffusers_version=version)
        files.load(copied)
    describe(copied / "model_index.json", _diffusers_version="1.0.0")
    with pytest.raises(ModelFileError, match="needs diffusers >= 1, have 0"):
        files.load(copied)


def test_the_assembly_opens_it_with_its_own_encoder_and_defaults(folder_of):
    opened = assembly.open_model(str(folder_of("paired")))
    assert (opened.defaults.sampler, opened.defaults.scale) == ("ddim", 5.0)
    assert opened.encoders["text"] is opened.own_encoders["text"]
    assert "sketch" in opened.encoders
    assert len(opened.sha256) == 64


def test_a_folder_without_a_model_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(NotFoundError, match=r"holds no model, but notes\.txt"):
        assembly.find(str(tmp_path))
