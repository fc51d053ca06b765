"""A ConvNeXt pyramid: depthwise convolutions and inverted bottlenecks instead of dense 3x3 convolutions.

Source: Liu et al. 2022 (arXiv:2201.03545), section 2; deviation: a dense stem at stride 2 for the finest map, and
depthwise kernels of 3, for which CPUs have a fast path.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from misen.core.shapes import Images, Maps, Pyramids


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each position."""

    def forward(self, x: Maps) -> Maps:
        """(B, C, h, w) -> the same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, inverted bottleneck, scaled and added to the input."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = ChannelNorm(width)
        self.widen = nn.Conv2d(width, width * expansion, 1)
        self.narrow = nn.Conv2d(width * expansion, width, 1)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Maps) -> Maps:
        """(B, width, h, w) -> the same shape."""
        branch = self.narrow(functional.gelu(self.widen(self.norm(self.spatial(x)))))
        return torch.addcmul(x, self.scale[:, None, None].to(x.dtype), branch)


class ConvNeXtPyramid(nn.Module):
    """Feature maps at strides 2, 4, 8, ... of a picture.

    Attributes:
        widths: channels of each map, shallow to deep.
    """

    def __init__(self, widths: Sequence[int], depths: Sequence[int], expansion: int = 3) -> None:
        """``depths`` counts the blocks of each stage."""
        super().__init__()
        self.widths = tuple(widths)
        stem = nn.Conv2d(12, widths[0], 3, padding=1)
        downs = [nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths)]
        self.entries = nn.ModuleList([stem, *downs])
        self.norms = nn.ModuleList(map(ChannelNorm, widths))
        self.stages = nn.ModuleList(
            nn.Sequential(*[ConvNeXtBlock(width, expansion) for _ in range(depth)])
            for width, depth in zip(widths, depths, strict=True)
        )

    def forward(self, image: Images) -> Pyramids:
        """(B, 3, H, W) -> maps (B, widths[l], H / 2**(l + 1), W / 2**(l + 1))."""
        x = functional.pixel_unshuffle(image, 2).contiguous(memory_format=torch.channels_last)
        maps = []
        for entry, norm, stage in zip(self.entries, self.norms, self.stages, strict=True):
            x = stage(norm(entry(x)))
            maps.append(x)
        return tuple(maps)
