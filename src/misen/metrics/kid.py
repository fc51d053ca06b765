"""Kernel distance between two sets of features: the unbiased squared maximum mean discrepancy.

Source: Bińkowski et al. 2018 (arXiv:1801.01401), section 3; kernel (x.y / D + 1)^3.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from misen.core.shapes import Scalar
from misen.perception.figures import Figure, bootstrapped

SUBSETS, SUBSET_SIZE = 100, 1000
Reals = Float[Tensor, "reals features"]
Fakes = Float[Tensor, "fakes features"]


def kernel(
    first: Float[Tensor, "first features"], second: Float[Tensor, "second features"]
) -> Float64[Tensor, "first second"]:
    """(N, M) float64 kernel values of features (N, D) and (M, D)."""
    return (first.double() @ second.double().T / first.shape[1] + 1) ** 3


def kernel_distance(real: Reals, fake: Fakes) -> float:
    """Unbiased estimate from all features (N, D) and (M, D); negative by chance when the sets are alike."""
    within = [_off_diagonal_mean(kernel(features, features)) for features in (real, fake)]
    return float(sum(within) - 2 * kernel(real, fake).mean())


def kid(
    real: Reals, fake: Fakes, subsets: int = SUBSETS, size: int = SUBSET_SIZE, seed: int = 0
) -> tuple[float, float]:
    """Mean and standard deviation over subsets.

    Args:
        real: (N, D) features.
        fake: (M, D) features.
        subsets: how many are drawn.
        size: features of each side in a subset, at most N and M.
        seed: decides the subsets.
    """
    draws = torch.Generator().manual_seed(seed)
    size = min(size, len(real), len(fake))
    values = [kernel_distance(_draw(real, size, draws), _draw(fake, size, draws)) for _ in range(subsets)]
    spread = torch.tensor(values, dtype=torch.float64)
    return float(spread.mean()), float(spread.std(unbiased=False))


def kid_interval(real: Reals, fake: Fakes) -> Figure:
    """``kernel_distance`` of N and N features with its bootstrap interval, in which no item is paired with itself."""
    n = min(len(real), len(fake))
    real, fake = real[:n], fake[:n]
    within = [kernel(features, features).fill_diagonal_(0) for features in (real, fake)]
    across = kernel(real, fake)

    def distance(items: Tensor) -> Tensor:
        counts = torch.bincount(items, minlength=n).double()
        pairs = counts.sum() ** 2 - counts.square().sum()
        apart = torch.stack([counts @ values @ counts / pairs for values in within])
        return apart.sum() - 2 * (counts @ across @ counts) / n**2

    return bootstrapped(distance, n)


def _off_diagonal_mean(values: Float[Tensor, "items items"]) -> Scalar:
    count = len(values)
    return (values.sum() - values.diagonal().sum()) / (count * (count - 1))


def _draw(features: Tensor, size: int, draws: torch.Generator) -> Tensor:
    return features[torch.randperm(len(features), generator=draws)[:size]]
