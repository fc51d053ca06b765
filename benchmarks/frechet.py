"""The matrix part of the Fréchet distance, beside scipy's matrix root and torchmetrics; one thread."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from benchmarks.timing import Effort, Row, median, seconds
from misen.metrics.fid import Moments, frechet_distance
from misen.perception.figures import Figure

WIDTH = 2048
"""Features of the published Inception network."""


def gaussian(width: int, seed: int) -> Moments:
    """Moments of correlated features."""
    draws = torch.Generator().manual_seed(seed)
    mixing = torch.randn(width, width, generator=draws, dtype=torch.float64) / width**0.5
    return Moments(torch.randn(width, generator=draws, dtype=torch.float64), mixing @ mixing.T)


def afresh(a: Moments, b: Moments) -> float:
    """Ours, with nothing remembered from an earlier call."""
    return frechet_distance(Moments(a.mean, a.covariance), b)


def by_matrix_root(a: Moments, b: Moments) -> float:
    """As the paper writes it."""
    root = sqrtm((a.covariance @ b.covariance).numpy()).real
    spread = a.covariance.trace() + b.covariance.trace() - 2 * root.trace()
    return float((a.mean - b.mean).square().sum() + spread)


def by_torchmetrics(a: Moments, b: Moments) -> float:
    """Eigenvalues of the product, which is not symmetric."""
    return float(_compute_fid(a.mean, a.covariance, b.mean, b.covariance))


def rows(effort: Effort) -> Iterator[Row]:
    """Time, ratios and the largest difference."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    a, b = gaussian(effort.of(WIDTH), 0), gaussian(effort.of(WIDTH), 1)
    ways = (frechet_distance, afresh, by_matrix_root, by_torchmetrics)
    frechet_distance(a, b)
    known, first, root, metrics = seconds(effort, *(lambda way=way: way(a, b) for way in ways))
    values = torch.tensor([way(a, b) for way in ways], dtype=torch.float64)
    torch.set_num_threads(threads)
    yield Row(f"FID, matrix part, {len(a.mean)} features, of a reference met before", median(known), "s")
    yield Row("  scipy sqrtm / ours", median(root / known), "x", ">= 7")
    yield Row("  torchmetrics / ours", median(metrics / known), "x", ">= 5")
    yield Row("  the same, of a new reference", median(first), "s")
    yield Row("  scipy sqrtm / ours", median(root / first), "x", ">= 7")
    yield Row("  torchmetrics / ours", median(metrics / first), "x", ">= 5")
    apart = float((values.max() - values.min()) / values[0])
    yield Row("  largest relative difference of all", Figure(apart, apart, apart, 1), "")
