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

BLOCK = 256
"""Rows and columns that are worked on at once."""

Square = Float64[Tensor, "features features"]


@dataclass(frozen=True)
class Moments:
    """A Gaussian.

    Attributes:
        mean: (D,) float64.
        covariance: (D, D) float64, symmetric.
    """

    mean: Float64[Tensor, " features"]
    covariance: Square

    @classmethod
    def of(cls, features: Vectors) -> Moments:
        """Fit N >= 2 features (N, D)."""
        features = features.double()
        mean = features.mean(dim=0)
        around = features - mean
        return cls(mean, around.T @ around / (len(features) - 1))

    @cached_property
    def factor(self) -> Square:
        """(D, D) lower triangular L with covariance L L^T: Cholesky's, or by eigenvalues where that is singular."""
        factor = _cholesky(self.covariance)
        return _root(self.covariance) if factor is None else factor


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared Wasserstein-2 distance of two Gaussians; 0 for equal ones.

    What is known of the first is remembered, so the fixed one of a series comes first.
    """
    product = _congruence(first.factor, second.covariance)
    overlap = torch.linalg.eigvalsh(product.T, UPLO="U").clamp(min=0).sqrt().sum()
    spread = first.covariance.trace() + second.covariance.trace() - 2 * overlap
    return float((first.mean - second.mean).square().sum() + spread)


def _cholesky(covariance: Square) -> Square | None:
    """L, by columns of blocks, so that nearly all of its arithmetic is products of matrices; None where singular."""
    factor = covariance.clone()
    for here in range(0, len(factor), BLOCK):
        block = slice(here, here + BLOCK)
        factor[here:, block] -= factor[here:, :here] @ factor[block, :here].T
        corner, failed = torch.linalg.cholesky_ex(factor[block, block])
        if failed:
            return None
        factor[here:, block] = torch.linalg.solve_triangular(corner.T, factor[here:, block], upper=True, left=False)
        factor[block, block] = corner
    return factor.tril_()


def _root(covariance: Square) -> Square:
    """L of a covariance that may be singular, by its eigenvalues."""
    values, vectors = torch.linalg.eigh(covariance)
    upper: Tensor = torch.linalg.qr((vectors * values.clamp(min=0).sqrt()).T, mode="r").R
    return upper.T


def _congruence(factor: Square, covariance: Square) -> Square:
    """The lower triangle of L^T S L, without the products with what is zero above L's diagonal; above is nothing."""
    half, whole = torch.empty_like(covariance), torch.empty_like(covariance)
    starts = range(0, len(factor), BLOCK)
    for here in starts:
        block = slice(here, here + BLOCK)
        torch.mm(covariance[:, here:], factor[here:, block], out=half[:, block])
    for here in starts:
        block, done = slice(here, here + BLOCK), slice(here + BLOCK)
        torch.mm(factor[here:, block].T, half[here:, done], out=whole[block, done])
    return whole


def fid(reference: Moments, features: Vectors) -> Figure:
    """Distance of features (N, D) from a fixed reference; the interval is for this N, whose bias it shares."""
    return centred(lambda items: frechet_distance(reference, Moments.of(features[items])), len(features))
