from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file

from misen.core.errors import ModelFileError
from misen.generators.diffusion import lora

RANK = 2


@pytest.fixture
def factors(generator):
    """As if something had been learned."""
    learning = lora.attach(generator.network, RANK)
    with torch.no_grad():
        for parameter in learning:
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(parameter))))
    return lora.detach(generator.network)


def answer(unet) -> torch.Tensor:
    rng = torch.Generator().manual_seed(3)
    noisy, words = torch.randn(1, 4, 8, 8, generator=rng), torch.randn(1, 8, 16, generator=rng)
    with torch.no_grad():
        return unet(noisy, torch.tensor([500]), encoder_hidden_states=words).sample


def weights(unet) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in unet.state_dict().items()}


def test_only_the_factors_learn_and_at_first_they_change_nothing(generator):
    before, named = answer(generator.network), set(generator.network.state_dict())
    learning = lora.attach(generator.network, RANK)
    assert torch.equal(answer(generator.network), before)
    assert {id(p) for p in generator.network.parameters() if p.requires_grad} == {id(p) for p in learning}
    lora.detach(generator.network)
    assert set(generator.network.state_dict()) == named
    assert torch.equal(answer(generator.network), before)


def test_merged_weights_answer_like_factors_beside_them_and_come_back_bit_for_bit(generator):
    learning = lora.attach(generator.network, RANK)
    with torch.no_grad():
        for parameter in learning:
            parameter += 0.2
    beside, unet = answer(generator.network), generator.network
    factors = lora.detach(unet)
    before, plain = weights(unet), answer(unet)
    restore = lora.merge(unet, factors)
    torch.testing.assert_close(answer(unet), beside, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(beside, plain, atol=1e-3)
    restore()
    assert all(torch.equal(tensor, before[name]) for name, tensor in unet.state_dict().items())


def test_strength_zero_changes_nothing(generator, factors):
    before = answer(generator.network)
    lora.merge(generator.network, factors, strength=0.0)
    assert torch.equal(answer(generator.network), before)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_diffusers_loads_the_file_and_answers_the_same(generator, factors, tmp_path):
    lora.save(tmp_path, factors)
    codec = AutoencoderKL(block_out_channels=(4,), norm_num_groups=1, layers_per_block=1)
    pipe = StableDiffusionPipeline(
        codec, generator.companions["text_encoder"], None, generator.network, DDIMScheduler(), None, None, None, False
    )
    pipe.load_lora_weights(tmp_path)
    theirs = answer(pipe.unet)
    pipe.unload_lora_weights()
    lora.merge(generator.network, lora.read(tmp_path))
    torch.testing.assert_close(answer(generator.network), theirs, atol=1e-4, rtol=1e-4)


def test_names_as_peft_spells_them_are_read_too(generator, factors):
    diffusers, peft, *_ = lora.SPELLINGS
    spelled = {}
    for name, tensor in factors.items():
        for mine, other in zip(diffusers, peft, strict=True):
            name = name.replace(mine, other)
        spelled[name] = tensor
    lora.merge(generator.network, factors)
    expected = weights(generator.network)
    lora.merge(generator.network, factors, strength=-1.0)
    lora.merge(generator.network, spelled)
    for name, tensor in generator.network.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


@pytest.mark.parametrize(
    ("old", "new"), [("unet.", "text_encoder."), ("to_q", "to_z"), (".lora.down", ".alpha")], ids=str
)
def test_factors_of_another_network_are_refused_before_anything_changes(generator, factors, old, new):
    before = weights(generator.network)
    foreign = {name.replace(old, new): tensor for name, tensor in factors.items()}
    with pytest.raises(ModelFileError, match="belongs to another network"):
        lora.merge(generator.network, foreign)
    assert all(torch.equal(tensor, before[name]) for name, tensor in generator.network.state_dict().items())


def test_a_file_holds_two_factors_of_each_layer(factors, tmp_path):
    lora.save(tmp_path, factors)
    stored = load_file(tmp_path / "pytorch_lora_weights.safetensors")
    assert {name.split(".")[-3:-1] == ["lora", "down"] or name.split(".")[-3:-1] == ["lora", "up"] for name in stored}
    assert sum(name.endswith("down.weight") for name in stored) * 2 == len(stored)
    assert all(tensor.shape[0] == RANK for name, tensor in stored.items() if name.endswith("down.weight"))
