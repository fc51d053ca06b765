"""Memory: how much is free, how much this process has taken, and refusing what does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from misen.core.errors import LimitError

MB, GB = 1e6, 1e9


@dataclass(frozen=True)
class Burden:
    """What networks take to open, in bytes.

    Attributes:
        stored: of their files.
        opened: of the networks once they are open.
        peak: while they are being opened, when numbers may be there twice, as stored and as computed with.
        files: that are read.
    """

    stored: int = 0
    opened: int = 0
    peak: int = 0
    files: tuple[Path, ...] = ()

    def __add__(self, later: Burden) -> Burden:
        """Of these networks and of others that are opened after them."""
        return Burden(
            self.stored + later.stored,
            self.opened + later.opened,
            max(self.peak, self.opened + later.peak),
            self.files + later.files,
        )


def free(device: str) -> int:
    """Bytes that can be taken on a device."""
    if torch.device(device).type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def taken() -> int:
    """Bytes of main memory that this process has taken."""
    return int(psutil.Process().memory_info().rss)


def written(size: int) -> str:
    """A number of bytes for a person."""
    return f"{size / GB:,.1f} GB" if size >= GB else f"{size / MB:,.1f} MB"


def shortage(what: str, needed: int, device: str, *, field: str, hint: str) -> LimitError:
    """The error for something that needs more memory than is free."""
    message = f"{what} needs {written(needed)} of memory, and {written(free(device))} are free"
    return LimitError(message, field=field, hint=hint)
