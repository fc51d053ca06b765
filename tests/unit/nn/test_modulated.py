"""Layers of equal pace and modulated convolutions."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from misen.nn.equalised import EqualConv, EqualLinear, leaky
from misen.nn.modulated import ModulatedConv


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("spread", [0.0, 0.5, 3.0])
def test_demodulated_outputs_have_unit_variance_under_any_style(spread):
    conv, style = ModulatedConv(32, 64), 1 + spread * torch.randn(8, 32)
    made = conv(torch.randn(8, 32, 64, 64), style)[..., 1:-1, 1:-1]
    assert made.var().item() == pytest.approx(1, abs=0.05)


def test_it_is_the_convolution_by_a_kernel_of_each_picture():
    conv, x, style = ModulatedConv(5, 7), torch.randn(3, 5, 8, 8), torch.randn(3, 5)
    kernels = conv.weight * style[:, None, :, None, None]
    kernels = kernels / kernels.square().sum(dim=(2, 3, 4), keepdim=True).sqrt()
    grouped = functional.conv2d(x.flatten(0, 1)[None], kernels.flatten(0, 1), padding=1, groups=3)
    assert torch.allclose(conv(x, style), grouped.view(3, 7, 8, 8), atol=1e-5)


def test_without_demodulation_styles_are_plain_factors():
    conv, x, style = ModulatedConv(5, 7, 1, demodulate=False), torch.randn(3, 5, 8, 8), torch.randn(3, 5)
    assert torch.allclose(conv(x, 2 * style), 2 * conv(x, style), atol=1e-5)
    made = conv(torch.randn(64, 5, 8, 8), torch.ones(64, 5))
    assert made.var().item() == pytest.approx(conv.weight.var().item(), rel=0.3)


def test_demodulation_forgets_the_size_of_a_style():
    conv, x, style = ModulatedConv(5, 7), torch.randn(3, 5, 8, 8), torch.randn(3, 5)
    assert torch.allclose(conv(x, 9 * style), conv(x, style), atol=1e-5)


def test_equal_layers_keep_unit_variance():
    linear, conv = EqualLinear(256, 256, bias=0.0), EqualConv(64, 64)
    assert linear(torch.randn(512, 256)).var().item() == pytest.approx(1, abs=0.05)
    assert conv(torch.randn(4, 64, 32, 32))[..., 1:-1, 1:-1].var().item() == pytest.approx(1, abs=0.1)
    assert leaky(torch.randn(10_000)).square().mean().item() == pytest.approx(1.04, abs=0.05)


def test_a_slow_layer_computes_the_same_and_learns_slowly():
    slow = EqualLinear(64, 64, bias=0.5, pace=0.01)
    x = torch.randn(256, 64)
    assert slow(x).var().item() == pytest.approx(1, abs=0.1)
    assert slow(torch.zeros(1, 64)).mean().item() == pytest.approx(0.5)
    before = slow(x).detach()
    optimizer = torch.optim.Adam(slow.parameters(), lr=1e-2)
    slow(x).square().mean().backward()
    optimizer.step()
    assert (slow(x) - before).abs().max() < 0.01
