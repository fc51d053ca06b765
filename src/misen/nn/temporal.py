"""Blocks along time: convolutions of tracks (B, C, F), residual or depthwise, and attention within windows."""

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


class WindowAttention(nn.Module):
    """Each frame looks at those up to ``reach`` before and behind it, at each by its content and by where it lies.

    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2; Raffel et al. 2019 (arXiv:1910.10683), section 2.1, for
    places that count from the frame and add a number to the logits of each head. Beyond the ends are frames of which
    nothing is known.

    Args:
        width: channels, those of all heads together.
        heads: how many.
        reach: frames.
    """

    def __init__(self, width: int, heads: int, reach: int) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.norm = FrameNorm(width)
        self.ask = nn.Conv1d(width, 3 * width, 1)
        self.answer = nn.Conv1d(width, width, 1)
        self.places = nn.Parameter(torch.zeros(heads, 1, 2 * reach + 1))

    def forward(self, x: Tracks) -> Tracks:
        """(B, width, F) -> the same shape."""
        queries, keys, values = (part.unflatten(1, (self.heads, -1)) for part in self.ask(self.norm(x)).chunk(3, dim=1))
        keys, values = (functional.pad(part, (self.reach, self.reach)) for part in (keys, values))
        keys, values = (part.unfold(3, 2 * self.reach + 1, 1) for part in (keys, values))
        logits = (queries[..., None] * keys).sum(dim=2) / queries.shape[2] ** 0.5 + self.places
        answers = (logits.softmax(dim=3)[:, :, None] * values).sum(dim=4)
        looked: Tensor = x + self.answer(answers.flatten(1, 2))
        return looked
