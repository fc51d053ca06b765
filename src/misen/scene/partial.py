"""What is told of what could be told: all of it half of the time, else a random part."""

from __future__ import annotations

from torch import Tensor

from misen.core.seeding import derive
from misen.scene.sampling import uniforms


def tell(available: Tensor, seeds: Tensor, purpose: str) -> Tensor:
    """A random part of what is available, so that models learn to follow incomplete wishes.

    Args:
        available: (B, N) bool.
        seeds: (B,) int64; the same seed tells the same part.
        purpose: keeps the choices of different observers independent.

    Returns:
        (B, N) bool, a subset of ``available``: all of it, or each with a chance drawn uniformly for its item, but at
        least one where there is any.
    """
    draws = uniforms(seeds.to(available.device), derive(0, f"tell/{purpose}"), 2 + available.shape[1])
    everything, chance, each = draws[:, :1] < 0.5, draws[:, 1:2], draws[:, 2:]
    first = each.masked_fill(~available, 1.0).amin(1, keepdim=True)
    return available & (everything | (each < chance) | (each == first))
