"""Signals: the typed, validated, batched values a person guides with."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Signal(Protocol):
    """A frozen batch of B wishes of one modality, validated at birth.

    Besides these members a signal class derives itself from the world's truth with the class method
    ``observe(truth, seeds)``; that one is not part of the protocol because ``core`` knows no world.
    """

    modality: ClassVar[str]

    def __len__(self) -> int:
        """B."""
        ...

    def __getitem__(self, index: int | slice | Tensor) -> Self:
        """A sub-batch; an ``int`` keeps the batch axis; a tensor of indices gathers (and so may repeat or permute)."""
        ...

    @classmethod
    def parse(cls, argument: str) -> Self:
        """One signal from a command-line argument: words, ``key=value`` pairs or a file's path."""
        ...

    def to_json(self) -> list[dict[str, Any]]:
        """One canonical, self-contained JSON object per item; ``from_json`` inverts it exactly."""
        ...

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """The signal that ``to_json`` described."""
        ...

    def describe(self) -> list[str]:
        """One short human-readable line per item."""
        ...

    def preview(self, size: int) -> Tensor | None:
        """(B, 3, size, size) in [-1, 1] to show a person, or None when words say it better."""
        ...


def pick(index: int | slice | Tensor, length: int) -> Tensor:
    """The index tensor meant by ``signal[index]``; an ``int`` keeps its batch axis."""
    positions = torch.arange(length)
    return positions[index].reshape(-1) if isinstance(index, int) else positions[index]
