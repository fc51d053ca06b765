"""Precision, recall, density and coverage: whose features lie in whose neighbourhoods.

Source: Kynkäänniemi et al. 2019 (arXiv:1904.06991), section 2, for precision and recall; Naeem et al. 2020
(arXiv:2002.09797), section 3, for density and coverage. Deviation: one neighbourhood size for all four.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import PerItem, Vectors

NEAREST = 5


@dataclass(frozen=True)
class Neighbourhoods:
    """What each item contributes; the metrics are the means.

    Attributes:
        precision: (M,) 1 where a fake lies in the neighbourhood of some real.
        recall: (N,) 1 where a real lies in the neighbourhood of some fake.
        density: (M,) >= 0, neighbourhoods of reals that contain the fake, over ``NEAREST``.
        coverage: (N,) 1 where the neighbourhood of a real contains some fake.
    """

    precision: Float[Tensor, " fakes"]
    recall: Float[Tensor, " reals"]
    density: Float[Tensor, " fakes"]
    coverage: Float[Tensor, " reals"]


def neighbourhoods(
    real: Float[Tensor, "reals features"], fake: Float[Tensor, "fakes features"], nearest: int = NEAREST
) -> Neighbourhoods:
    """Compare features (N, D) of reals with (M, D) of fakes; N, M > ``nearest``.

    A neighbourhood is the ball around an item that reaches its ``nearest``-th neighbour in its own set.
    """
    real, fake = real.double(), fake.double()
    apart = torch.cdist(fake, real)
    in_real, in_fake = apart <= _radii(real, nearest), apart <= _radii(fake, nearest)[:, None]
    return Neighbourhoods(
        precision=in_real.any(dim=1).double(),
        recall=in_fake.any(dim=0).double(),
        density=in_real.double().sum(dim=1) / nearest,
        coverage=in_real.any(dim=0).double(),
    )


def _radii(features: Vectors, nearest: int) -> PerItem:
    """(N,) distance of each item to its ``nearest``-th neighbour."""
    return torch.cdist(features, features).kthvalue(nearest + 1, dim=1).values
