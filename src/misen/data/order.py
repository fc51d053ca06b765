"""Which items a step sees: a fresh permutation per epoch, as a pure function of seed and step."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from misen.core.errors import ConfigError
from misen.core.seeding import derive


class Order:
    """Shuffled batches of equal size; what is left over at the end of an epoch waits for the next shuffle.

    Args:
        count: items there are.
        batch_size: items of a batch.
        seed: decides the permutations.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        if count < batch_size:
            raise ConfigError(
                f"batch_size {batch_size} is larger than the data, which has {count} items", field="batch_size"
            )
        self.count, self.batch_size = count, batch_size
        self._permutation = lru_cache(2)(lambda epoch: _permutation(count, derive(seed, f"epoch/{epoch}")))

    def __call__(self, step: int) -> tuple[Tensor, int]:
        """(B,) indices of the items of ``step`` and the epoch it lies in."""
        epoch, position = divmod(step, self.count // self.batch_size)
        start = position * self.batch_size
        return self._permutation(epoch)[start : start + self.batch_size], epoch


def _permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
