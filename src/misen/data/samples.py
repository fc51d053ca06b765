"""Aligned samples of a picture folder: decoded and checked before the first step, then held in memory."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.core.errors import ConfigError, FormatError, InputError, MisenError, closest
from misen.core.image import from_bytes, resize, square, to_bytes
from misen.core.registry import modalities
from misen.core.signal import Signal
from misen.data.imagefolder import Row, columns_of, rows
from misen.data.order import Order
from misen.media.picture import color, open_picture

LISTED = 50
"""How many bad rows a message spells out; it counts them all."""


@dataclass(frozen=True)
class Samples:
    """N pictures with what guides them.

    Attributes:
        pixels: (N, S, S, 3) uint8.
        signals: N signals of each modality, by modality.
        bad: why rows were left out, one line each.
    """

    pixels: Tensor
    signals: Mapping[str, Signal]
    bad: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def read(
        cls, folder: Path, size: int, columns: Mapping[str, str], *, split: str = "", skip_bad: bool = False
    ) -> Samples:
        """Read a picture folder.

        Args:
            folder: in the convention of ``imagefolder``.
            size: pixels; other pictures are padded to a square with white and resized.
            columns: the column that holds each modality's signal, by modality.
            split: keep only this value of the column ``split``.
            skip_bad: leave bad rows out, name them in ``bad`` and in a warning, instead of refusing the folder.

        Raises:
            NotFoundError: there is no such folder, or nothing in it.
            ConfigError: a modality or column does not exist.
            FormatError: rows are bad; the message counts and names them.
        """
        found = rows(folder, split)
        _check_columns(columns, columns_of(found))
        samples = [_sample(row, size, columns) for row in found]
        good = [sample for sample in samples if isinstance(sample, _Sample)]
        bad = tuple(sample for sample in samples if isinstance(sample, str))
        if bad and (not skip_bad or not good):
            hint = "mend them, or set data.skip_bad, as --skip-bad does"
            raise FormatError(_listing(folder, bad, len(samples)), field="data", hint=hint)
        if bad:
            warnings.warn(f"left out: {_listing(folder, bad, len(samples))}", stacklevel=2)
        items = {name: [sample.signals[name] for sample in good] for name in columns}
        signals = {name: modalities()[name].signal.from_json(values) for name, values in items.items()}
        return cls(torch.cat([sample.pixels for sample in good]), signals, bad)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of pixels and signals."""
        total = hashlib.sha256(self.pixels.numpy().tobytes())
        for name, signal in self.signals.items():
            total.update(f"{name}:{signal.to_json()}".encode())
        return total.hexdigest()

    def batches(self, batch_size: int, seed: int) -> SampleBatches:
        """Shuffled batches."""
        return SampleBatches(self, Order(len(self), batch_size, seed))


class SampleBatches:
    """Batches of samples as a function of the step."""

    def __init__(self, samples: Samples, order: Order) -> None:
        self._samples, self._order = samples, order
        self.fingerprint = samples.fingerprint

    def __call__(self, step: int) -> Mapping[str, Any]:
        """``image`` (B, 3, S, S) in [-1, 1], and ``signals``: B signals of each modality."""
        indices, _ = self._order(step)
        signals = {name: signal[indices] for name, signal in self._samples.signals.items()}
        return {"image": from_bytes(self._samples.pixels[indices]), "signals": signals}


@dataclass(frozen=True)
class _Sample:
    pixels: Tensor
    signals: Mapping[str, Any]


def _check_columns(columns: Mapping[str, str], present: Iterable[str]) -> None:
    for modality, column in columns.items():
        if modality not in modalities():
            hint = closest(modality, modalities())
            raise ConfigError(f"there is no modality called {modality!r}", field=f"data.columns.{modality}", hint=hint)
        if column not in present:
            hint = closest(column, sorted(present))
            raise ConfigError(f"there is no column called {column!r}", field=f"data.columns.{modality}", hint=hint)


def _sample(row: Row | InputError, size: int, columns: Mapping[str, str]) -> _Sample | str:
    """The sample of a row, or what is wrong with it."""
    if isinstance(row, InputError):
        return row.message
    try:
        image = resize(square(color(open_picture(row.picture)), 1.0), size)
        signals = {name: _signal(name, row, column).to_json()[0] for name, column in columns.items()}
    except MisenError as error:
        return f"{row.where}: {error.message}"
    return _Sample(to_bytes(image), signals)


def _signal(modality: str, row: Row, column: str) -> Signal:
    kind: type[Signal] = modalities()[modality].signal
    if column.endswith("file_name"):
        return kind.parse(str(row.file(column)))
    value = row.value(column)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = ", ".join(value)
    return kind.parse(value) if isinstance(value, str) else kind.from_json([value])


def _listing(folder: Path, bad: Sequence[str], total: int) -> str:
    more = [f"... and {len(bad) - LISTED} more"] if len(bad) > LISTED else []
    return "\n".join([f"{len(bad)} of {total} rows of {folder} are bad:", *bad[:LISTED], *more])
