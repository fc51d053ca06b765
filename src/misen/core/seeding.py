"""Randomness: one seed per image, one independent stream per image, drawn on the CPU."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from misen.core.errors import InputError, brief

SEED_LIMIT = 2**63


def check_seed(seed: object) -> int:
    """``seed`` as an int in [0, 2**63); raises ``InputError`` otherwise."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_LIMIT:
        raise InputError(f"seed must be a whole number from 0 to 2**63 - 1, got {brief(seed)}", field="seed")
    return seed


def derive(seed: int, purpose: str) -> int:
    """A 63-bit seed for ``purpose`` (for example "noise" or "augment") that depends on nothing else."""
    digest = hashlib.blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") % SEED_LIMIT


class Streams:
    """B independent streams; image k draws the same numbers in any batch."""

    def __init__(self, seeds: Sequence[int], purpose: str = "noise", device: torch.device | str = "cpu") -> None:
        """Open one stream per seed; numbers are drawn on the CPU and moved to ``device``."""
        self.seeds = tuple(seeds)
        self.purpose, self.device = purpose, torch.device(device)
        self._generators = [torch.Generator().manual_seed(derive(seed, purpose)) for seed in self.seeds]

    def __len__(self) -> int:
        return len(self.seeds)

    def for_purpose(self, purpose: str) -> Streams:
        """Fresh streams of the same images for something else."""
        return Streams(self.seeds, f"{self.purpose}/{purpose}", self.device)

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape) standard normal."""
        return torch.stack([torch.randn(shape, generator=g) for g in self._generators]).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape) uniform in [0, 1)."""
        return torch.stack([torch.rand(shape, generator=g) for g in self._generators]).to(self.device)
