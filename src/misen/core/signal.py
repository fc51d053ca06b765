"""Signals: the typed, validated, batched values a person guides with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from misen.core.errors import InputError
from misen.core.shapes import Masks


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

    def to(self, device: torch.device | str) -> Self:
        """The same batch, with its tensors on ``device``."""
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

    def preview(self, size: int) -> Float[Tensor, "batch 3 {size} {size}"] | None:
        """(B, 3, size, size) in [-1, 1] to show a person, or None when words say it better."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """Capability of a signal: can be told that only a part of the picture may change."""

    def within(self, mask: Masks) -> Signal:
        """The same wish with a mask (1, 1, H, W) in [0, 1], 1 = may change."""
        ...


@runtime_checkable
class Moving(Protocol):
    """Capability of a signal: goes on in time, and is heard meanwhile."""

    @property
    def seconds(self) -> Float[Tensor, " batch"]:
        """(B,) how long each item lasts."""
        ...

    @property
    def waveform(self) -> Float[Tensor, "batch samples"]:
        """(B, T) in [-1, 1] at 16 kHz; silence follows what lasts less long."""
        ...

    def around(self, seconds: Float[Tensor, " moments"]) -> Signal:
        """What the one item there is tells of pictures at N moments (N,) after its beginning, as N items."""
        ...


def pick(index: int | slice | Tensor, length: int) -> Int[Tensor, " chosen"]:
    """The index tensor meant by ``signal[index]``; an ``int`` keeps its batch axis."""
    positions = torch.arange(length)
    return positions[index].reshape(-1) if isinstance(index, int) else positions[index]


def key_values(argument: str) -> dict[str, str]:
    """``"yaw=20, pitch=5"`` as a dictionary; raises ``InputError`` for a pair without "=" and for a key given twice."""
    return paired(argument.split(","))


def paired(pairs: Iterable[str]) -> dict[str, str]:
    """``["yaw=20", "pitch=5"]`` as a dictionary; raises as ``key_values`` does."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            raise InputError(f"{pair.strip()!r} is not key=value", field=key, hint="separate pairs with commas")
        if key in found:
            raise InputError(f"{key} is given twice: {found[key]!r} and {value!r}", field=key, hint="keep one of them")
        found[key] = value
    return found


class Batched:
    """Length and indexing of a frozen dataclass whose fields all are batched, as tensors or as tuples."""

    @classmethod
    def of(cls, **values: Any) -> Self:
        """An instance from its fields as they are kept, past the constructor and its checks."""
        signal = cls.__new__(cls)
        signal._keep(**values)
        return signal

    def _keep(self, **values: Any) -> None:
        """Set the fields of a frozen instance; for constructors."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _kept(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(next(iter(self._kept().values())))

    def __getitem__(self, index: int | slice | Tensor) -> Self:
        """A sub-batch; see :class:`Signal`."""
        chosen = pick(index, len(self))
        return self.of(**{name: _gather(value, chosen) for name, value in self._kept().items()})

    def to(self, device: torch.device | str) -> Self:
        """The same batch, with its tensors on ``device``."""
        kept = self._kept().items()
        return self.of(**{name: value.to(device) if isinstance(value, Tensor) else value for name, value in kept})


def _gather(values: Tensor | tuple[Any, ...], index: Tensor) -> Tensor | tuple[Any, ...]:
    return values[index.to(values.device)] if isinstance(values, Tensor) else tuple(values[i] for i in index.tolist())
