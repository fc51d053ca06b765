"""The mapping network: from draws of a plain Gaussian to the latents that the synthesis network reads.

Source: Karras et al. 2019 (arXiv:1812.04948), section 2; deviation: it learns at a tenth of the others' pace instead of
a hundredth, since our runs are a hundred times shorter.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.shapes import Vectors
from misen.nn.equalised import EqualLinear, leaky

PACE = 0.1
"""Of learning, relative to the synthesis network."""


class MappingNetwork(nn.Module):
    """Several dense layers.

    Args:
        draws: width of z.
        width: of w.
        layers: how many.

    Attributes:
        mean: (width,) the mean w, from which truncation is counted; zero until ``settle``.
    """

    mean: Tensor

    def __init__(self, draws: int, width: int, layers: int) -> None:
        super().__init__()
        widths = [draws, *[width] * layers]
        self.layers = nn.ModuleList(EqualLinear(*pair, pace=PACE) for pair in pairwise(widths))
        self.register_buffer("mean", torch.zeros(width))

    def forward(self, draws: Float[Tensor, "batch draws"]) -> Float[Tensor, "batch latent"]:
        """Draws z (B, draws), of which the direction alone matters -> latents w (B, width)."""
        x = unit_square(draws)
        for layer in self.layers:
            x = leaky(layer(x))
        return x

    @torch.no_grad()
    def settle(self, draws: Float[Tensor, "samples draws"]) -> None:
        """Take the mean w of many z as what is typical."""
        self.mean.copy_(self(draws).mean(dim=0))


def unit_square(x: Vectors) -> Vectors:
    """(B, D) scaled so that the mean square of each item is 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
