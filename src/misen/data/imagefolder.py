"""Picture folders in Hugging Face's ``imagefolder`` convention: files, and a ``metadata.jsonl`` with a row for each.

Every row has ``file_name``; any further column may guide. A column whose name ends in ``file_name`` names a file, any
other holds the value itself: words, a list of words, or the JSON of a signal. A folder without ``metadata.jsonl`` is
pictures alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misen.core.errors import InputError, NotFoundError, brief

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True)
class Row:
    """One sample as its metadata describes it.

    Attributes:
        where: file and line, for messages.
        folder: what file names are relative to.
        columns: the row's values.
    """

    where: str
    folder: Path
    columns: Mapping[str, Any]

    @property
    def picture(self) -> Path:
        """The picture's file; raises ``InputError`` if the row names none."""
        return self.file("file_name")

    def file(self, column: str) -> Path:
        """The file that ``column`` names; raises ``InputError`` if there is no such column or file."""
        name = self.value(column)
        path = self.folder / str(name)
        try:
            inside, there = path.resolve().is_relative_to(self.folder.resolve()), path.is_file()
        except (OSError, ValueError):  # too long for a name, or with a zero byte in it
            inside, there = True, False
        if not inside:
            raise InputError(f"{column} {name!r} leads out of the folder", field=column)
        if not there:
            raise InputError(f"there is no file {brief(name)}", field=column)
        return path

    def value(self, column: str) -> Any:
        """The value of ``column``; raises ``InputError`` if it is absent or empty."""
        value = self.columns.get(column)
        if value is None or value == "" or value == []:
            raise InputError(f"{column} is missing", field=column)
        return value


def rows(folder: Path, split: str = "") -> list[Row | InputError]:
    """The rows of a folder, in order; a line that is no row is the error that says why.

    Args:
        folder: holds ``metadata.jsonl``, or pictures alone.
        split: keep only rows whose column ``split`` is this; "" keeps all.

    Raises:
        NotFoundError: there is no such folder, or it holds neither metadata nor pictures.
    """
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}", field="data.folder")
    metadata = folder / "metadata.jsonl"
    found = list(_listed(metadata, split) if metadata.exists() else _plain(folder))
    if not found:
        what = f" with split {split!r}" if split else ""
        raise NotFoundError(
            f"{folder} holds no pictures{what}",
            field="data.folder",
            hint=f"put pictures ({', '.join(sorted(SUFFIXES))}) or a metadata.jsonl with a column file_name there",
        )
    return found


def _plain(folder: Path) -> Iterator[Row]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SUFFIXES:
            name = str(path.relative_to(folder))
            yield Row(name, folder, {"file_name": name})


def _listed(metadata: Path, split: str) -> Iterator[Row | InputError]:
    seen: dict[str, int] = {}
    for number, text in enumerate(metadata.read_bytes().splitlines(), 1):
        row = _row(metadata, number, text)
        if isinstance(row, Row) and (name := row.columns.get("file_name")):
            first = seen.setdefault(str(name), number)
            if first != number:
                row = InputError(f"{row.where}: file_name {name!r} was given before, in line {first}")
        if isinstance(row, InputError) or not split or row.columns.get("split", split) == split:
            yield row


def _row(metadata: Path, number: int, text: bytes) -> Row | InputError:
    where = f"{metadata.name}:{number}"
    try:
        columns = json.loads(text)
    except (ValueError, RecursionError) as error:
        return InputError(f"{where}: not JSON ({error})")
    if not isinstance(columns, dict):
        return InputError(f"{where}: a row must be an object, got {type(columns).__name__}")
    return Row(where, metadata.parent, columns)


def columns_of(found: Sequence[Row | InputError]) -> set[str]:
    """Names of all columns."""
    return {name for row in found if isinstance(row, Row) for name in row.columns}
