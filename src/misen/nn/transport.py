"""How far two samples of vectors are from each other as wholes, by optimal transport along random directions.

Source: Kolouri et al. 2018 (arXiv:1804.01947), equation 15.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from misen.core.shapes import Scalar, Vectors

DIRECTIONS = 128


def sliced_distance(first: Vectors, second: Vectors) -> Scalar:
    """The mean squared distance of the projections of two samples (N, D), paired by rank; 0 for equal samples."""
    directions = functional.normalize(torch.randn(first.shape[1], DIRECTIONS, device=first.device), dim=0)
    ranked, other = ((sample.float() @ directions).sort(dim=0).values for sample in (first, second))
    return (ranked - other).square().mean()
