"""The first waist: a signal, encoded into one of three layouts that any generator's port can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from misen.core.errors import InputError
from misen.core.shapes import Counted, Flags, Maps, Tokens, Vectors
from misen.core.signal import Signal

Layout = Literal["vector", "tokens", "map"]
"""vector (B, D), tokens (B, L, D), map (B, D, h, w)."""
Encoded = Vectors | Tokens | Maps
"""A value in one of these layouts."""


@dataclass(frozen=True)
class Condition:
    """An encoded batch.

    Attributes:
        layout: which of the three shapes ``value`` has.
        value: (B, D), (B, L, D) or (B, D, h, w) float.
        present: (B,) bool; False marks the null condition of that item, whose value is ignored.
        mask: (B, L) bool for tokens, True where a token counts; None for the other layouts.
        strength: how strongly an adapter's port acts; the other ports act fully, and guidance extrapolates.
    """

    layout: Layout
    value: Encoded
    present: Flags
    mask: Counted | None = None
    strength: float = 1.0

    @classmethod
    def full(cls, layout: Layout, value: Encoded, mask: Counted | None = None) -> Condition:
        """A condition that is present for every item."""
        return cls(layout, value, torch.ones(len(value), dtype=torch.bool, device=value.device), mask)

    def __len__(self) -> int:
        return int(self.value.shape[0])

    def __getitem__(self, index: slice | Tensor) -> Condition:
        """A sub-batch."""
        mask = None if self.mask is None else self.mask[index]
        return replace(self, value=self.value[index], present=self.present[index], mask=mask)

    def where(self, keep: Flags) -> Condition:
        """The same condition, null where ``keep`` (B,) is False."""
        return replace(self, present=self.present & keep)

    def repeat(self, count: int) -> Condition:
        """Each item ``count`` times in a row."""
        mask = None if self.mask is None else self.mask.repeat_interleave(count, 0)
        value, present = (tensor.repeat_interleave(count, 0) for tensor in (self.value, self.present))
        return replace(self, value=value, present=present, mask=mask)

    def to(self, device: torch.device | str) -> Condition:
        """The same condition on ``device``."""
        mask = None if self.mask is None else self.mask.to(device)
        return replace(self, value=self.value.to(device), present=self.present.to(device), mask=mask)


@runtime_checkable
class Encoder(Protocol):
    """Turns a signal into a condition; parameter-free, or frozen and shared by all generators."""

    layouts: tuple[Layout, ...]

    def width(self, layout: Layout) -> int:
        """D of the conditions this encoder makes in ``layout``."""
        ...

    def encode(self, signal: Signal, layout: Layout) -> Condition:
        """Encode a batch of signals; raises ``InputError`` for a layout not in ``layouts``."""
        ...


def check_layout(layout: Layout, accepted: tuple[Layout, ...]) -> None:
    """Raise ``InputError`` if an encoder that makes ``accepted`` is asked for another layout."""
    if layout not in accepted:
        hint = f"accepted: {', '.join(accepted)}"
        raise InputError(f"this signal has no {layout} encoding", field="layout", hint=hint)
