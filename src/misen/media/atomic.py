"""Writing files so that a name either holds the whole content or what it held before."""

from __future__ import annotations

import os
from pathlib import Path

from misen.core.errors import StorageError


def write(path: str | Path, data: bytes) -> None:
    """Put ``data`` under ``path``: a temporary file beside it, flushed to the disk, then renamed.

    Raises:
        StorageError: the folder or disk does not take it; nothing partial is left and an earlier file is untouched.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _flush(partial, data)
        partial.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"{str(path)!r} cannot be written ({len(data):,} bytes): {error.strerror}",
            field=path.name, hint="choose a folder that exists, is writable and has room",
        ) from None  # fmt: skip
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _flush(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
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
