"""Where pictures will be written, settled before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path

from misen.core.errors import InputError, StorageError, brief

NAME_LIMIT = 200
"""Longest name of a file in bytes; file systems take 255, and a number and what marks it unfinished are added."""


def destinations(out: str | Path, count: int = 1, *, overwrite: bool = False) -> tuple[Path, ...]:
    """One path per picture: ``out`` itself, or ``a-0.png`` ... ``a-3.png`` for ``a.png`` and four pictures.

    Args:
        out: a ``.png`` in a folder that exists.
        count: how many pictures will be written.
        overwrite: whether files of those names may be replaced.

    Raises:
        InputError: another suffix than ``.png``.
        StorageError: the folder is missing, is no folder or cannot be written to; or a file exists and may not be
            replaced.
    """
    out = Path(out)
    if out.suffix.lower() != ".png":
        raise InputError(f"pictures are written as PNG, got {out.name!r}", field="out", hint="end the name in .png")
    check_folder(out.parent)
    numbered = [out] if count == 1 else [out.with_name(f"{out.stem}-{k}{out.suffix}") for k in range(count)]
    for path in numbered:
        check_free(path, overwrite=overwrite)
    return tuple(numbered)


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that is no name, that is a folder, or a file that may not be replaced."""
    if (length := len(os.fsencode(path.name))) > NAME_LIMIT or "\0" in path.name:
        what = f"{length} bytes; the limit is {NAME_LIMIT}" if length > NAME_LIMIT else "a zero byte"
        raise StorageError(f"the name {brief(path.name)} has {what}", field="out", hint="choose another name")
    if path.is_dir():
        raise StorageError(f"{str(path)!r} is a folder", field="out", hint="name a file")
    if path.exists() and not overwrite:
        raise StorageError(f"{str(path)!r} exists", field="out", hint="choose another name, or allow overwriting")


def check_folder(folder: Path) -> None:
    """Refuse a folder that is missing, is no folder, or cannot be written to."""
    if "\0" in str(folder) or not os.access(folder, os.F_OK):
        raise StorageError(f"there is no folder {str(folder)!r}", field="out", hint="make it first")
    if not folder.is_dir():
        raise StorageError(f"{str(folder)!r} is a file, not a folder", field="out", hint="choose a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"the folder {str(folder)!r} cannot be written to", field="out", hint="choose another")
