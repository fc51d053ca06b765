"""Contrastive learning of two batches of unit vectors whose k-th items belong together.

Source: van den Oord et al. 2018 (arXiv:1807.03748), equation 4; Radford et al. 2021 (arXiv:2103.00020), figure 3.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Scalar


def similarities(
    first: Float[Tensor, "first features"], second: Float[Tensor, "second features"], scale: Scalar | float
) -> Float[Tensor, "first second"]:
    """(A, D) and (B, D) -> (A, B) scaled dot products, in full precision even under autocast."""
    with torch.autocast(first.device.type, enabled=False):
        return scale * first.float() @ second.float().T


def info_nce(logits: Float[Tensor, "batch batch"], also_true: Bool[Tensor, "batch batch"] | None = None) -> Scalar:
    """Symmetric cross-entropy of (B, B) similarities whose diagonal is right.

    Args:
        logits: similarity over temperature.
        also_true: (B, B) bool, pairs off the diagonal that are not wrong either and must not count as negatives.
    """
    if also_true is not None:
        diagonal = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(also_true & ~diagonal, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
