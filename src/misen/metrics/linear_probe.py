"""Linear probes: what a linear map reads off features, on items that it was not fitted to.

Source: Alain & Bengio 2016 (arXiv:1610.01644), section 3; deviation: least squares with a small ridge instead of
logistic regression, so that there is nothing to tune, nothing is random, and what is but rounding cannot be read.
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


def foreseen(
    known: Float[Tensor, "fitted features"],
    targets: Float[Tensor, "fitted numbers"],
    new: Float[Tensor, "others features"],
    ridge: float = RIDGE,
) -> Float[Tensor, "others numbers"]:
    """What the linear map that brings the known features nearest to their targets makes of others.

    Args:
        known: (N, D) to fit to.
        targets: (N, K) what they should be brought to.
        new: (M, D) to be told.
        ridge: mean square of a feature that counts as noise; the larger, the smaller the map.

    Returns:
        (M, K) in double precision.
    """
    known, targets, new = known.double(), targets.double(), new.double()
    middle, usual = known.mean(dim=0), targets.mean(dim=0)
    about = known - middle
    square = about.T @ about / len(about) + ridge * torch.eye(about.shape[1], dtype=about.dtype)
    linear = torch.linalg.solve(square, about.T @ (targets - usual) / len(about))
    told: Tensor = (new - middle) @ linear
    return told + usual


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
    said = foreseen(features, functional.one_hot(labels.long()).double(), others)
    right: Tensor = said.argmax(dim=1) == wanted
    return right
