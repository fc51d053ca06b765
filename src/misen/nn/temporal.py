"""Blocks along time: residual and depthwise convolutions of tracks (B, C, F)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

Tracks = Float[Tensor, "batch channels frames"]


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution and the batch norm that carries its bias; without a stride the length stays."""
    padding = kernel // 2 if stride == 1 else 0
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm1d(outputs)
    )


class ResidualTrack(nn.Module):
    """Two convolutions over three neighbours beside the identity; starts as the identity.

    Source: He et al. 2015 (arXiv:1512.03385), section 3.3, along one axis.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = convolution(width, width, 3), convolution(width, width, 3)
        nn.init.zeros_(self.second[1].get_parameter("weight"))

    def forward(self, x: Tracks) -> Tracks:
        """(B, width, F) -> the same shape."""
        return functional.relu(x + self.second(functional.relu(self.first(x))))


class FrameNorm(nn.LayerNorm):
    """Layer norm over the channels of each frame."""

    def forward(self, x: Tracks) -> Tracks:
        """(B, C, F) -> the same shape."""
        normed: Tensor = super().forward(x.mT)
        return normed.transpose(1, 2)


class DepthwiseTrack(nn.Module):
    """Depthwise convolution over three neighbours, layer norm, inverted bottleneck, scaled and added to the input.

    Source: Liu et al. 2022 (arXiv:2201.03545), section 2, along one axis.
    """

    def __init__(self, width: int, expansion: int = 3) -> None:
        super().__init__()
        self.temporal = nn.Conv1d(width, width, 3, padding=1, groups=width)
        self.norm = FrameNorm(width)
        self.widen = nn.Conv1d(width, width * expansion, 1)
        self.narrow = nn.Conv1d(width * expansion, width, 1)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tracks) -> Tracks:
        """(B, width, F) -> the same shape."""
        branch = self.narrow(functional.gelu(self.widen(self.norm(self.temporal(x)))))
        moved: Tensor = x + self.scale[:, None].to(x.dtype) * branch
        return moved
