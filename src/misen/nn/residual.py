"""A residual convolutional pyramid that begins after space-to-depth, so that nothing runs at full resolution.

Source: He et al. 2015 (arXiv:1512.03385), section 3.3; deviation: the first convolution reads 2x2 blocks of pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from misen.core.shapes import Images, Maps, Pyramids


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution and the batch norm that carries its bias."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


def closed(width: int) -> nn.Sequential:
    """A convolution that begins with nothing to say."""
    layers = convolution(width, width)
    nn.init.zeros_(layers[1].get_parameter("weight"))
    return layers


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity; starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = convolution(width, width), closed(width)

    def forward(self, x: Maps) -> Maps:
        """(B, width, h, w) -> the same shape."""
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class ResidualPyramid(nn.Module):
    """Feature maps at strides 2, 4, 8, ... of a picture.

    Attributes:
        widths: channels of each map, shallow to deep.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        """``depths`` counts the residual blocks of each stage."""
        super().__init__()
        self.widths = tuple(widths)
        inputs = (12, *widths[:-1])
        strides = (1, *[2] * (len(widths) - 1))
        self.entries = nn.ModuleList(map(convolution, inputs, widths, strides))
        self.stages = nn.ModuleList(
            nn.Sequential(*[ResidualBlock(width) for _ in range(depth)])
            for width, depth in zip(widths, depths, strict=True)
        )

    def forward(self, image: Images) -> Pyramids:
        """(B, 3, H, W) -> maps (B, widths[l], H / 2**(l + 1), W / 2**(l + 1))."""
        x = functional.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        maps = []
        for entry, stage in zip(self.entries, self.stages, strict=True):
            x = stage(functional.relu(entry(x)))
            maps.append(x)
        return tuple(maps)
