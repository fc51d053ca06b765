"""WebDataset shards: tar files whose members belong together when their names agree up to the first dot.

``key.png`` (or ``.jpg``, ``.webp``) is the picture, ``key.txt`` its words, ``key.json`` further columns, and any other
picture such as ``key.sketch.png`` becomes the column ``sketch_file_name``. Shards are unpacked into a picture folder.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from misen.core.errors import FormatError, LimitError, NotFoundError
from misen.data.imagefolder import SUFFIXES
from misen.media.picture import BYTE_LIMIT


def unpack(shards: Sequence[Path], folder: Path) -> None:
    """Unpack ``shards`` into ``folder`` in the convention of ``imagefolder``, with samples in the shards' order.

    Nothing of a member's name but its last extensions decides where it is written.

    Raises:
        NotFoundError: a shard does not exist, or there are none.
        FormatError: a shard is not a tar file, or is truncated.
        LimitError: a member is larger than any picture may be.
    """
    if not shards:
        raise NotFoundError("there are no shards", field="data.shards", hint="name .tar files")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.jsonl").open("w", encoding="utf-8") as metadata:
        for shard in shards:
            for columns in _samples(shard, folder):
                metadata.write(json.dumps(columns) + "\n")


def _samples(shard: Path, folder: Path) -> Iterator[dict[str, Any]]:
    columns: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for key, extension, content in _members(shard):
        name = f"{shard.stem}-{len(columns) if key not in columns else list(columns).index(key):06d}.{extension}"
        columns[key] |= {"key": f"{shard.name}/{key}", **_column(extension, content, folder / name)}
    yield from columns.values()


def _members(shard: Path) -> Iterator[tuple[str, str, bytes]]:
    """Key, extension (lower case, without its first dot) and content of every regular member."""
    try:
        with tarfile.open(shard) as archive:
            for member in archive:
                key, _, extension = PurePosixPath(member.name).name.partition(".")
                if member.isfile() and re.fullmatch(r"[\w.-]+", extension):
                    yield str(PurePosixPath(member.name).with_name(key)), extension.lower(), _content(archive, member)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no shard {shard}", field="data.shards") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FormatError(f"{shard} is not a whole tar file: {error}", field="data.shards") from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > BYTE_LIMIT:
        raise LimitError(f"{member.name} has {member.size:,} bytes; the limit is {BYTE_LIMIT:,}", field="data.shards")
    stream = archive.extractfile(member)
    return stream.read() if stream else b""


def _column(extension: str, content: bytes, path: Path) -> dict[str, Any]:
    if extension == "txt":
        return {"text": content.decode("utf-8", errors="replace").strip()}
    if extension == "json":
        return _json(content)
    *label, kind = extension.split(".")
    if f".{kind}" not in SUFFIXES:
        return {}
    path.write_bytes(content)
    return {"_".join([*label, "file_name"]): path.name}


def _json(content: bytes) -> dict[str, Any]:
    """The columns of a ``.json`` member; what is not an object stays one column, for validation to complain about."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"json": value}
