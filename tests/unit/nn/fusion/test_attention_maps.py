from __future__ import annotations

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnAddedKVProcessor2_0, AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from misen.core.errors import Unreachable
from misen.nn.fusion.attention_maps import edited
from misen.nn.fusion.cross_attention import MatrixAttention

WIDTH, LENGTH = 8, 5
KINDS = {
    "down": ("CrossAttnDownBlock2D", "AttnDownBlock2D"),
    "up": ("AttnUpBlock2D", "CrossAttnUpBlock2D"),
}
OURS = {"down": ("DownBlock2D", "CrossAttnDownBlock2D"), "up": ("CrossAttnUpBlock2D", "UpBlock2D")}
ADDED = {"down": ("SimpleCrossAttnDownBlock2D",) * 2, "up": ("SimpleCrossAttnUpBlock2D",) * 2}


def network(kinds=KINDS, middle: str = "UNetMidBlock2DCrossAttn") -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        down_block_types=kinds["down"],
        up_block_types=kinds["up"],
        mid_block_type=middle,
        layers_per_block=1,
        attention_head_dim=8,
        norm_num_groups=4,
        cross_attention_dim=WIDTH,
    ).eval()


NETWORKS = {
    "stable diffusion and plain": lambda: network(),
    "keys of two kinds": lambda: network(ADDED, "UNetMidBlock2DSimpleCrossAttn"),
}


class Reading:
    """Reads maps of some layers, and changes them if asked to."""

    def __init__(self, crossing=(True, False), factor: float = 1.0) -> None:
        self.wanted, self.factor, self.seen = crossing, factor, []

    def concerns(self, *, crossing, places):
        return crossing in self.wanted

    def __call__(self, maps, *, crossing):
        self.seen.append((crossing, maps))
        return maps * self.factor


@torch.no_grad()
def answer(unet: UNet2DConditionModel) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    noisy, tokens = torch.randn(2, 4, 8, 8, generator=draw), torch.randn(2, LENGTH, WIDTH, generator=draw)
    return unet(noisy, 500, tokens).sample


@pytest.mark.parametrize("name", NETWORKS)
def test_reading_changes_nothing_and_leaves_nothing(name):
    unet = NETWORKS[name]()
    before, processors, reading = answer(unet), unet.attn_processors, Reading()
    with edited(unet, reading):
        assert torch.allclose(answer(unet), before, atol=1e-5)
    assert unet.attn_processors == processors
    assert torch.equal(answer(unet), before)
    layers = sum(isinstance(module, Attention) for module in unet.modules())
    assert len(reading.seen) == layers
    assert all(torch.allclose(maps.sum(-1), torch.ones(())) for _, maps in reading.seen)


def test_reading_our_own_processor_changes_no_bit():
    unet, reading = network(OURS), Reading()
    unet.set_attn_processor(MatrixAttention())
    before = answer(unet)
    with edited(unet, reading):
        assert torch.equal(answer(unet), before)
    assert reading.seen


def test_layers_say_what_they_look_at():
    unet, reading = network(), Reading()
    with edited(unet, reading):
        answer(unet)
    assert {maps.shape[-1] for crossing, maps in reading.seen if crossing} == {LENGTH}
    assert all(maps.shape[-1] == maps.shape[-2] for crossing, maps in reading.seen if not crossing)
    assert all(maps.shape[0] == 2 for _, maps in reading.seen)


@pytest.mark.parametrize("processor", [AttnProcessor2_0, MatrixAttention])
def test_layers_that_do_not_concern_the_edit_are_computed_as_ever(processor):
    unet = network(OURS)
    unet.set_attn_processor(processor())
    before = answer(unet)
    with edited(unet, Reading(crossing=())):
        assert torch.equal(answer(unet), before)


@pytest.mark.parametrize(
    ("name", "crossing"),
    [("stable diffusion and plain", True), ("stable diffusion and plain", False), ("keys of two kinds", True)],
)
def test_what_is_edited_counts(name, crossing):
    unet = NETWORKS[name]()
    before = answer(unet)
    with edited(unet, Reading((crossing,), 0.5)):
        assert (answer(unet) - before).abs().max() > 1e-4


def test_an_exception_leaves_nothing_either():
    unet = network()
    processors = unet.attn_processors
    with pytest.raises(KeyboardInterrupt), edited(unet, Reading()):
        raise KeyboardInterrupt
    assert unet.attn_processors == processors


def test_the_stock_processors_are_what_is_stood_in_for():
    plain = {type(processor) for processor in network().attn_processors.values()}
    added = {type(processor) for processor in NETWORKS["keys of two kinds"]().attn_processors.values()}
    assert (plain, added) == ({AttnProcessor2_0}, {AttnAddedKVProcessor2_0})


class Adapter(torch.nn.Module, AttnProcessor2_0):
    """A processor with weights of its own."""


def test_networks_that_cannot_be_edited_are_refused():
    unet = network()
    unet.set_attn_processor(Adapter())
    with pytest.raises(Unreachable, match="with an adapter inside its attention"), edited(unet, Reading()):
        pass
    with pytest.raises(Unreachable, match="with no attention"), edited(torch.nn.Linear(1, 1), Reading()):
        pass
