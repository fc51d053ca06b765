"""Fusion of vectors by modulation: they join the embedding that scales and shifts a network's features.

Source: Perez et al. 2017 (arXiv:1709.07871); Dhariwal & Nichol 2021 (arXiv:2105.05233), section 3.1.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Vectors


class VectorEntrance(nn.Module):
    """What a vector adds to the embedding; begins with nothing."""

    def __init__(self, inputs: int, embedding: int, hidden: int = 256) -> None:
        super().__init__()
        self.gather, self.exit = nn.Linear(inputs, hidden), nn.Linear(hidden, embedding)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)

    def forward(self, value: Vectors) -> Float[Tensor, "batch embedding"]:
        """(B, inputs) -> (B, embedding)."""
        added: Tensor = self.exit(functional.silu(self.gather(value)))
        return added
