"""Writing files so that a name either holds the whole content or what it held before."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from misen.core.errors import StorageError

_PARTIAL = re.compile(r"\..+\.\d+\.partial", re.DOTALL)
"""Temporary names: what is written, and by which process."""


def replace_file(path: str | Path, content: bytes) -> None:
    """Put ``content`` under ``path``: a temporary file beside it, flushed to the disk, then renamed.

    Raises:
        StorageError: the folder or disk does not take it; nothing partial is left and an earlier file is untouched.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _flush(partial, content)
        partial.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"{str(path)!r} cannot be written ({len(content):,} bytes): {error.strerror}",
            field=path.name, hint="choose a folder that exists, is writable and has room",
        ) from None  # fmt: skip
    finally:
        with suppress(OSError):
            partial.unlink()


def leftovers(folder: Path) -> list[Path]:
    """The temporary files of processes that were killed while they wrote into ``folder``."""
    return [path for path in folder.glob(".*") if _PARTIAL.fullmatch(path.name)]


def _flush(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
