"""From maps to one map, to vectors and to points: top-down fusion, attention pooling and soft argmax."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps, Vectors


class TopDown(nn.Module):
    """Brings the context of deep maps to the finest one.

    Source: Lin et al. 2016 (arXiv:1612.03144), section 3; deviation: only the finest map is returned.
    """

    def __init__(self, widths: Sequence[int], width: int) -> None:
        """``widths`` are the channels of the maps, shallow to deep; ``width`` those of the result."""
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in widths)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in widths[:-1])

    def forward(self, maps: Sequence[Float[Tensor, "batch _ _ _"]]) -> Maps:
        """Maps (B, widths[l], h / 2**l, w / 2**l) -> (B, width, h, w)."""
        x = functional.relu(self.laterals[-1](maps[-1]))
        for level in reversed(range(len(maps) - 1)):
            fused = functional.interpolate(x, scale_factor=2.0, mode="nearest") + self.laterals[level](maps[level])
            x = functional.relu(self.smooth[level](functional.relu(fused)))
        return x


class AttentionPool(nn.Module):
    """Averages a map under several learned attention maps, so that a few pixels can decide."""

    def __init__(self, width: int, queries: int) -> None:
        super().__init__()
        self.attend = nn.Conv2d(width, queries, 1)
        self.outputs = queries * width

    def forward(self, x: Maps) -> Vectors:
        """(B, width, h, w) -> (B, queries * width)."""
        return average_under(self.attend(x).flatten(2).softmax(dim=2), x)


def average_under(attention: Float[Tensor, "batch queries places"], x: Maps) -> Vectors:
    """Attention (B, Q, h * w) and a map (B, C, h, w) -> (B, Q * C)."""
    pooled = attention.to(x.dtype) @ x.flatten(2).transpose(1, 2)
    return pooled.flatten(1)


def soft_argmax(logits: Maps) -> Float[Tensor, "batch channels 2"]:
    """Heat maps (B, K, h, w) -> their expected positions (B, K, 2), x and y in [0, 1], pixel centers at (i + 0.5) / w.

    Source: Nibali et al. 2018 (arXiv:1801.07372), section 3.
    """
    height, width = logits.shape[-2:]
    heat = logits.flatten(2).float().softmax(dim=2).unflatten(2, (height, width))
    x = (torch.arange(width, device=logits.device) + 0.5) / width
    y = (torch.arange(height, device=logits.device) + 0.5) / height
    return torch.stack([(heat.sum(dim=2) * x).sum(dim=2), (heat.sum(dim=3) * y).sum(dim=2)], dim=2)
