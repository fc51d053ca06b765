"""Linear probes: whether a linear map of features tells classes, on items that it was not fitted to.

Source: Alain & Bengio 2016 (arXiv:1610.01644), section 3; deviation: least squares with a small ridge instead of
logistic regression, so that what is but rounding cannot be read.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Flags, Vectors

RIDGE = 1e-4
"""Mean square of a feature that counts as noise."""

Items = Int[Tensor, " batch"]
"""Classes, counted from 0."""


def told_apart(
    features: Float[Tensor, "fitted features"], labels: Int[Tensor, " fitted"], others: Vectors, wanted: Items
) -> Flags:
    """(B,) whether each of B items is told right.

    Args:
        features: (N, D) to fit to.
        labels: (N,) their classes, counted from 0.
        others: (B, D) to be told.
        wanted: (B,) their classes.
    """
    inputs, targets = _with_one(features), functional.one_hot(labels.long()).double()
    gram = inputs.T @ inputs / len(inputs) + RIDGE * torch.eye(inputs.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, inputs.T @ targets / len(inputs))
    right: Tensor = (_with_one(others) @ weights).argmax(dim=1) == wanted
    return right


def _with_one(features: Vectors) -> Tensor:
    """(B, D + 1) in double precision, a constant last."""
    return torch.cat([features.double(), features.new_ones(len(features), 1).double()], dim=1)
