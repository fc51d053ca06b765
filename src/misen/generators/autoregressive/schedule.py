"""How many tokens are still undecided as a walk goes on, if several are decided at once.

Source: Chang et al. 2022 (arXiv:2202.04200), section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Int
from torch import Tensor

SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda progress: math.cos(math.pi / 2 * progress),
    "linear": lambda progress: 1 - progress,
    "root": lambda progress: 1 - math.sqrt(progress),
}
"""From the part of the walk that is done to the share of tokens that is undecided, by name."""
USUAL = "cosine"


def left(schedule: str, progress: float, cells: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """How many of ``cells`` are undecided; all at the beginning, none at the end."""
    share = SCHEDULES[schedule](progress)
    return torch.floor(share * cells.double() + 1e-9).long()


def decided(progress: float, cells: int) -> int:
    """How many of ``cells`` are decided where they are one after another."""
    return math.ceil(progress * cells - 1e-9)
