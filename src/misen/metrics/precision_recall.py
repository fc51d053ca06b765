"""Precision, recall, density and coverage: whose features lie in whose neighbourhoods.

Source: Kynkäänniemi et al. 2019 (arXiv:1904.06991), section 2, for precision and recall; Naeem et al. 2020
(arXiv:2002.09797), section 3, for density and coverage; the sizes of the neighbourhoods are theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Vectors

NEAREST, DENSE = 3, 5
"""Neighbour that a neighbourhood reaches, for precision and recall, and for density and coverage."""


@dataclass(frozen=True)
class Neighbourhoods:
    """What each item contributes; the metrics are the means.

    Attributes:
        precision: (M,) 1 where a fake lies in the neighbourhood of some real.
        recall: (N,) 1 where a real lies in the neighbourhood of some fake.
        density: (M,) >= 0, neighbourhoods of reals that contain the fake, over ``DENSE``.
        coverage: (N,) 1 where the neighbourhood of a real contains some fake.
    """

    precision: Float[Tensor, " fakes"]
    recall: Float[Tensor, " reals"]
    density: Float[Tensor, " fakes"]
    coverage: Float[Tensor, " reals"]


def neighbourhoods(real: Float[Tensor, "reals features"], fake: Float[Tensor, "fakes features"]) -> Neighbourhoods:
    """Compare features (N, D) of reals with (M, D) of fakes; N, M > ``DENSE``.

    A neighbourhood is the ball around an item that reaches its third or fifth neighbour in its own set. Precision and
    density hardly depend on M and sharpen with N; recall and coverage rise with M, so compare them at equal M.
    """
    real, fake = real.double(), fake.double()
    apart = torch.cdist(fake, real)
    reals, fakes = _reach(real), _reach(fake)
    dense = apart <= reals[:, DENSE]
    return Neighbourhoods(
        precision=(apart <= reals[:, NEAREST]).any(dim=1).double(),
        recall=(apart <= fakes[:, NEAREST, None]).any(dim=0).double(),
        density=dense.double().sum(dim=1) / DENSE,
        coverage=dense.any(dim=0).double(),
    )


def in_deviations(
    real: Float[Tensor, "reals features"], fake: Float[Tensor, "fakes features"]
) -> tuple[Float[Tensor, "reals features"], Float[Tensor, "fakes features"]]:
    """Both in units of the deviations among the reals, so that features of different kinds count alike."""
    unit = real.std(dim=0).clamp(min=1e-6)
    return real / unit, fake / unit


def _reach(features: Vectors) -> Float[Tensor, "items nearest"]:
    """(N, DENSE + 1) distances of each item to itself and its nearest neighbours, rising."""
    return torch.cdist(features, features).topk(DENSE + 1, dim=1, largest=False).values
