"""Schedule: which part of the walk is walked, and how far energies may move an estimate at each position.

Source: He et al. 2023, MPGD (arXiv:2311.16424), and Yang et al. 2024, DSG (arXiv:2402.03201), section 4, for moves of a
set length that falls with the noise; deviation: lengths follow the noise in the state, not that of a step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from misen.core.generator import Annealing, Doubting, Level, Sampler
from misen.core.shapes import Points

RATE = 0.05
"""How far strength 1 moves an estimate in one step at most, as a fraction of the estimate's size."""
STRIDE = 0.3
"""The same for samplers of noisy states, as a fraction of what the estimate may be wrong by."""


def reach(sampler: Sampler, level: Level, point: Points) -> Tensor:
    """How far strength 1 moves each estimate in one step at most; one number, or one per item, (B, 1, ...)."""
    if isinstance(sampler, Doubting):
        return point.new_tensor(STRIDE * sampler.doubt(level) * math.sqrt(point[0].numel()))
    size: Tensor = torch.linalg.vector_norm(point, dim=tuple(range(1, point.ndim)), keepdim=True)
    return RATE * remaining(sampler, level) * size


def remaining(sampler: Sampler, level: Level) -> float:
    """The factor on every energy's strength: falling for samplers that walk, 1 for those that step."""
    return sampler.anneal(level) if isinstance(sampler, Annealing) else 1.0


def truncate(levels: Sequence[Level], strength: float) -> Sequence[Level]:
    """The last ``strength`` of the walk: everything at 1, nothing at 0."""
    return [level for level in levels if level.progress >= 1.0 - strength] if strength > 0 else []
