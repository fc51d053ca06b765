"""A latent mapper: what is added to the latents of a picture so that it changes in one way.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 5, figure 3; deviation: it begins by adding nothing.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.shapes import Tokens
from misen.nn.equalised import EqualLinear, leaky

GROUPS, DEPTH = 3, 4
"""Networks, for coarse, medium and fine layers, and dense layers of each."""
SCALE = 0.1
"""Of what a network says, as in the authors' program."""


class LatentMapper(nn.Module):
    """Three networks, each for a third of the layers.

    Args:
        width: of a latent.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.groups = nn.ModuleList(_network(width) for _ in range(GROUPS))

    def forward(self, point: Tokens) -> Tokens:
        """Latents (B, L, width), one per layer -> what is added to each."""
        parts = zip(self.groups, point.tensor_split(GROUPS, dim=1), strict=True)
        return SCALE * torch.cat([group(part.flatten(0, 1)).view_as(part) for group, part in parts], dim=1)


class _Rectified(nn.Module):
    """A leaky rectifier between dense layers."""

    def forward(self, x: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        return leaky(x)


def _network(width: int) -> nn.Sequential:
    """Dense layers with rectifiers between them, the last with nothing to say yet."""
    dense = [EqualLinear(*pair) for pair in pairwise([width] * (DEPTH + 1))]
    nn.init.zeros_(dense[-1].weight)
    layers = [layer for one in dense for layer in (one, _Rectified())]
    return nn.Sequential(*layers[:-1])
