"""Batches of what lies on the disk, each a function of the step alone: what recipes of every kind share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from misen.core.seeding import derive
from misen.data.order import Order
from misen.training import TrainingConfig


@dataclass(frozen=True)
class Data:
    """Where the rendered world lies: the folder of a cache."""

    cache: str


@runtime_checkable
class Stored(Protocol):
    """Samples that can be counted, and told from others."""

    def __len__(self) -> int:
        """How many."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of what they are made of."""
        ...


Source = TypeVar("Source", bound=Stored)


class StoredBatches(ABC, Generic[Source]):
    """Batches of stored samples.

    Attributes:
        source: the samples.
        order: from a step to the indices of its samples and the epoch.
    """

    def __init__(self, source: Source, config: TrainingConfig) -> None:
        self.source, self._seed = source, config.seed
        self.order = Order(len(source), config.batch_size, config.seed)

    @property
    def fingerprint(self) -> str:
        """That of the samples."""
        return self.source.fingerprint

    def chance(self, step: int, purpose: str) -> torch.Generator:
        """Draws of one step for one purpose, the same in every run of the configuration."""
        return torch.Generator().manual_seed(derive(self._seed, f"{step}/{purpose}"))

    @abstractmethod
    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``."""


class LatentBatches(StoredBatches[Source]):
    """Latents of stored pictures, and what a network is told with them.

    Args:
        source: the pictures.
        latents: (N, C, h, w) of all of them.
        config: of the run.
    """

    def __init__(self, source: Source, latents: Tensor, config: TrainingConfig) -> None:
        super().__init__(source, config)
        self._latents = latents

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "latents", (B, C, h, w) float32, and what goes with them."""
        indices, epoch = self.order(step)
        told = self.beside(indices, epoch, self.chance(step, "presence"))
        return {"latents": self._latents[indices].float(), **told}

    @abstractmethod
    def beside(self, indices: Tensor, epoch: int, chance: torch.Generator) -> Mapping[str, Any]:
        """The rest of a batch of the samples ``indices`` (B,): "conditions", each left out by ``chance``."""
