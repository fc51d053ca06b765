"""Critics of whole pictures: one that learns everything, and one that looks through the eyes of a finished network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from misen.core.shapes import Images, Maps, Pyramids
from misen.nn.equalised import SLOPE, EqualConv, EqualLinear, leaky

END = 4
"""Height and width of the maps that are judged as a whole."""
Features = Float[Tensor, "batch features rows columns"]


class HalvingBlock(nn.Module):
    """Two convolutions beside the identity, at half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = EqualConv(inputs, inputs), EqualConv(inputs, outputs)
        self.shortcut = EqualConv(inputs, outputs, 1)

    def forward(self, x: Features) -> Float[Tensor, "batch outputs rows//2 columns//2"]:
        """(B, inputs, h, w) -> (B, outputs, h / 2, w / 2)."""
        branch = leaky(self.second(functional.avg_pool2d(leaky(self.first(x)), 2)))
        total: Tensor = branch + self.shortcut(functional.avg_pool2d(x, 2))
        return math.sqrt(0.5) * total


def with_deviation(x: Maps) -> Float[Tensor, "batch channels+1 rows columns"]:
    """(B, C, h, w) and a channel that tells how much the batch varies, so that a lack of variety can be seen.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 3; the group is the whole batch.
    """
    deviation = (x.float().var(dim=0, correction=0) + 1e-8).sqrt().mean()
    return torch.cat([x, deviation.to(x.dtype).expand(len(x), 1, *x.shape[2:])], dim=1)


class ResidualCritic(nn.Module):
    """One logit for a picture, after space-to-depth; it sees how much a batch varies.

    Source: Karras et al. 2020 (arXiv:1912.04958), section 4.1.

    Args:
        widths: channels at half the picture's size, a quarter and so on, down to 4x4.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.entry = EqualConv(12, widths[0])
        self.blocks = nn.ModuleList(HalvingBlock(*pair) for pair in pairwise(widths))
        self.gather = EqualConv(widths[-1] + 1, widths[-1])
        self.weigh = EqualLinear(widths[-1] * END**2, widths[-1])
        self.decide = EqualLinear(widths[-1], 1)

    def forward(self, image: Images) -> Float[Tensor, "batch 1"]:
        """(B, 3, H, W) in [-1, 1] -> (B, 1)."""
        x = functional.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        x = leaky(self.entry(x))
        for block in self.blocks:
            x = block(x)
        x = leaky(self.gather(with_deviation(x)))
        logits: Tensor = self.decide(leaky(self.weigh(x.flatten(1))))
        return logits


class Mixer(nn.Module):
    """Random and never trained: mixes the channels of each map, and each map into the next finer one.

    No head can then look at a few channels alone, and every head has something to say of all of them.

    Args:
        inputs: channels of the maps, shallow to deep.
        width: channels of each mixed map.
    """

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.channels = nn.ModuleList(EqualConv(channels, width, 1) for channels in inputs)
        self.scales = nn.ModuleList(EqualConv(width, width) for _ in inputs[1:])
        self.requires_grad_(False)

    def forward(self, maps: Pyramids) -> list[Maps]:
        """Maps, each half as large as the one before -> mixed ones of the same sizes, shallow to deep."""
        *finer, deepest = [mix(map_) for mix, map_ in zip(self.channels, maps, strict=True)]
        mixed = [deepest]
        for own, scale in zip(reversed(finer), reversed(self.scales), strict=True):
            coarse = functional.interpolate(scale(mixed[0]), scale_factor=2, mode="bilinear")
            mixed.insert(0, math.sqrt(0.5) * (own + coarse))
        return mixed


def _normed(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
    """A convolution under spectral norm; its weights begin as large as those of other layers here."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=1)
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # there is one
    return spectral_norm(layer)


def head(width: int, halvings: int) -> nn.Sequential:
    """Logits of the places of a map, after some halvings."""
    layers: list[nn.Module] = []
    for _ in range(halvings):
        layers += [_normed(width, width, 4, 2), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, _normed(width, width, 3), nn.LeakyReLU(SLOPE), _normed(width, 1, 3))


class ProjectedCritic(nn.Module):
    """Logits for places of a picture, of what a network that is never trained here sees in it.

    Source: Sauer et al. 2021 (arXiv:2111.01007), sections 3.2 and 3.3; deviations: mixed maps of equal width, and no
    batch norm in the heads.

    Args:
        inputs: channels of the network's maps, shallow to deep, each half as large as the one before.
        width: channels of the mixed maps and of the heads.
    """

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.mixer = Mixer(inputs, width)
        depth = len(inputs)
        self.heads = nn.ModuleList(head(width, depth - 1 - level) for level in range(depth))

    def forward(self, maps: Pyramids) -> Float[Tensor, "batch places"]:
        """Maps -> (B, places), those of every head one after another."""
        mixed = self.mixer(maps)
        return torch.cat([head(map_).flatten(1) for head, map_ in zip(self.heads, mixed, strict=True)], dim=1)
