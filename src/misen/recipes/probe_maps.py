"""Probes of models that paint maps: what a constant map does to each layer, and whether flat maps are told apart.

``python -m misen.recipes.probe_maps avatars/spade avatars/concat`` prints how far the layers of SPADE are from plain
normalisation with constant factors where the map is constant, and how often a linear probe of the features in the
middle tells which part a map is full of.

Source: Park et al. 2019 (arXiv:1903.07291), section 3.1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import functional

from misen.assembly import open_model
from misen.core.shapes import PerItem
from misen.generators.gan.translation.network import TranslationNetwork
from misen.nn.fusion.spade import Spade
from misen.perception.figures import mean
from misen.recipes.study_fusion import probed

SIDE = 16
"""Of the maps and features that layers are given."""
DRAWS = 8
"""Features and maps at random for each layer."""


@torch.no_grad()
def strayed(network: TranslationNetwork) -> PerItem:
    """(N,) of each layer of SPADE: the largest difference from normalised features under constant factors."""
    layers = [layer for layer in network.modules() if isinstance(layer, Spade)]
    return torch.tensor([_strayed(layer) for layer in layers])


def _strayed(layer: Spade) -> float:
    draws = torch.Generator().manual_seed(0)
    channels, inputs = layer.modulate.out_channels // 2, layer.gather.in_channels
    guide = torch.randn(DRAWS, inputs, 1, 1, generator=draws).expand(-1, -1, SIDE, SIDE)
    x = torch.randn(DRAWS, channels, SIDE, SIDE, generator=draws)
    scale, shift = layer.modulate(functional.relu(layer.gather(guide)))[:, :, :1, :1].chunk(2, dim=1)
    return float((layer(x, guide) - (functional.instance_norm(x) * (1 + scale) + shift)).abs().max())


def lines(name: str, network: TranslationNetwork) -> Iterator[str]:
    """What is found of a network, as lines of text."""
    errors = strayed(network)
    if len(errors):
        yield f"{name:16s} constant maps, largest difference of {len(errors)} layers  {float(errors.max()):.2g}\n"
    with torch.no_grad():
        yield f"{name:16s} flat maps told apart  {mean(probed(network, 0).double())}\n"


def main(*names: str) -> None:
    """Print what is found of shipped models; of SPADE and its control if none is named."""
    for name in names or ("avatars/spade", "avatars/concat"):
        generator: Any = open_model(name).generator
        sys.stdout.writelines(lines(name, generator.networks))


if __name__ == "__main__":
    main(*sys.argv[1:])
