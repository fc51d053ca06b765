"""Places spelled out: principal components, each rounded to one of some levels.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2.2; deviation: levels are those of equal frequency.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.perception.joint import WIDTH, Places

Spelled = Int[Tensor, "batch components"]


class Levels(nn.Module):
    """Rounds each of D numbers to levels that are equally frequent in what ``fit`` has seen."""

    edges: Tensor
    centers: Tensor

    def __init__(self, numbers: int, levels: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(numbers, levels - 1))
        self.register_buffer("centers", torch.zeros(numbers, levels))

    def fit(self, values: Float[Tensor, "items numbers"]) -> None:
        """Find edges and centers in values (N, D)."""
        levels = self.centers.shape[1]
        shares = torch.arange(1, levels, device=values.device) / levels
        self.edges.copy_(values.quantile(shares, dim=0).T)
        mine = functional.one_hot(self(values), levels).to(values)
        totals = torch.einsum("nd,ndl->dl", values, mine)
        self.centers.copy_(totals / mine.sum(0).clamp(min=1))

    def forward(self, values: Float[Tensor, "items numbers"]) -> Int[Tensor, "items numbers"]:
        """(B, D) numbers -> (B, D) levels."""
        return torch.searchsorted(self.edges, values.T.contiguous()).T

    def center(self, levels: Int[Tensor, "items numbers"]) -> Float[Tensor, "items numbers"]:
        """(B, D) levels -> (B, D) numbers."""
        return self.centers.gather(1, levels.T).T


class Codes(nn.Module):
    """Places (B, 128) as levels of their first principal components, the most telling first."""

    mean: Tensor
    basis: Tensor

    def __init__(self, components: int, levels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("basis", torch.eye(components, WIDTH))
        self.levels = Levels(components, levels)

    def fit(self, places: Places) -> None:
        """Find components and levels of places (N, 128)."""
        self.mean.copy_(places.mean(0))
        _, vectors = torch.linalg.eigh((places - self.mean).T.cov())
        self.basis.copy_(vectors.T.flip(0)[: len(self.basis)])
        self.levels.fit(self.components(places))

    def components(self, places: Places) -> Float[Tensor, "batch components"]:
        """(B, 128) -> (B, components), in full precision, since levels are narrow."""
        with torch.autocast(places.device.type, enabled=False):
            components: Tensor = (places - self.mean) @ self.basis.T
        return components

    def spell(self, places: Places) -> Spelled:
        """(B, 128) -> (B, components)."""
        spelled: Tensor = self.levels(self.components(places))
        return spelled

    def show(self, spelled: Spelled) -> Places:
        """(B, components) -> (B, 128), the nearest that codes can say."""
        return functional.normalize(self.levels.center(spelled) @ self.basis + self.mean, dim=1)
