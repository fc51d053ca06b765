from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from misen.metrics.linear_probe import told_apart
from misen.nn.fusion.spade import Spade, SpadeBlock

PARTS, STYLES = 17, 16


@pytest.fixture(autouse=True)
def drawn():
    torch.manual_seed(0)


def test_a_constant_map_is_plain_normalisation_with_a_constant_affine_map():
    layer, guide = Spade(6, 5, hidden=8), torch.randn(1, 5, 1, 1).expand(2, 5, 12, 12)
    scale, shift = layer.modulate(functional.relu(layer.gather(guide)))[:1, :, :1, :1].chunk(2, dim=1)
    for _ in range(3):
        x = 4 * torch.randn(2, 6, 12, 12) - 1
        assert (layer(x, guide) - (functional.instance_norm(x) * (1 + scale) + shift)).abs().max() <= 1e-5


def test_a_map_acts_where_it_is():
    layer, guide = Spade(3, 2, hidden=4), torch.zeros(1, 2, 16, 16)
    other = guide.clone()
    other[..., 8:] = 1
    x = torch.randn(1, 3, 16, 16)
    change = (layer(x, guide) - layer(x, other)).abs().sum(1)[0]
    assert change[:, :6].max() == 0  # two convolutions reach two cells far
    assert change[:, 8:].min() > 0


def test_a_block_keeps_its_grid_and_learns_from_the_map():
    block, guide = SpadeBlock(6, 4, guide=2, hidden=3), torch.randn(2, 2, 8, 8, requires_grad=True)
    out = block(torch.randn(2, 6, 8, 8), guide)
    out.square().sum().backward()
    assert out.shape == (2, 4, 8, 8)
    assert guide.grad.abs().min() > 0
    assert isinstance(SpadeBlock(4, 4, guide=2, hidden=3).shortcut, nn.Identity)


def probed(features: torch.Tensor) -> float:
    """The share of flat maps that a probe tells from features of random styles, the first half of which it has seen."""
    labels, half = torch.arange(PARTS).repeat(STYLES), PARTS * STYLES // 2
    return told_apart(features[:half], labels[:half], features[half:], labels[half:]).double().mean()


def test_a_flat_map_survives_spade_and_is_washed_out_by_normalisation_after_concatenation():
    maps = torch.eye(PARTS).repeat(STYLES, 1)[:, :, None, None].expand(-1, -1, 8, 8)
    styles = torch.randn(STYLES, 12, 8, 8).repeat_interleave(PARTS, 0)
    layer = Spade(12, PARTS, hidden=16)
    concat = nn.Conv2d(12 + PARTS, 12, 3, padding=1, padding_mode="replicate")
    with torch.no_grad():
        kept = layer(styles, maps).mean((2, 3))
        washed = functional.instance_norm(concat(torch.cat([styles, maps], 1))).mean((2, 3))
    assert probed(kept) >= 0.95
    assert probed(washed) <= 0.6
