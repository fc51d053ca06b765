"""Fréchet distance between the Gaussians that fit two sets of features.

Source: Heusel et al. 2017 (arXiv:1706.08500), section 3; deviation: no matrix root is taken. With S1 = L L^T the trace
of (S1 S2)^(1/2) is the sum of the roots of the eigenvalues of the symmetric L^T S2 L, which is several times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float64
from torch import Tensor

from misen.core.shapes import Vectors
from misen.metrics.bootstrap import centred
from misen.perception.figures import Figure


@dataclass(frozen=True)
class Moments:
    """A Gaussian.

    Attributes:
        mean: (D,) float64.
        covariance: (D, D) float64, symmetric.
    """

    mean: Float64[Tensor, " features"]
    covariance: Float64[Tensor, "features features"]

    @classmethod
    def of(cls, features: Vectors) -> Moments:
        """Fit N >= 2 features (N, D)."""
        features = features.double()
        mean = features.mean(dim=0)
        around = features - mean
        return cls(mean, around.T @ around / (len(features) - 1))

    @cached_property
    def factor(self) -> Float64[Tensor, "features features"]:
        """(D, D) L with covariance L L^T: Cholesky's, or by eigenvalues where the covariance is singular."""
        factor: Tensor
        factor, failed = torch.linalg.cholesky_ex(self.covariance)
        if failed:
            values, vectors = torch.linalg.eigh(self.covariance)
            factor = vectors * values.clamp(min=0).sqrt()
        return factor


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared Wasserstein-2 distance of two Gaussians; 0 for equal ones."""
    product = first.factor.T @ second.covariance @ first.factor
    overlap = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    spread = first.covariance.trace() + second.covariance.trace() - 2 * overlap
    return float((first.mean - second.mean).square().sum() + spread)


def fid(reference: Moments, features: Vectors) -> Figure:
    """Distance of features (N, D) from a fixed reference; the interval is for this N, whose bias it shares."""
    return centred(lambda items: frechet_distance(reference, Moments.of(features[items])), len(features))
