"""The layout of safetensors files, checked rule by rule before a byte of data is used.

Source: the format's description in the safetensors README (an 8-byte length, a JSON header, the data without holes).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from misen.core.errors import ModelFileError, NotFoundError, StorageError, brief

ITEM_SIZES: Mapping[str, int] = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8,
    "I64": 8, "U64": 8,
}  # fmt: skip
HEADER_LIMIT = 1 << 20
"""Longest header that is read, in bytes."""
MOST_AXES = 8
"""Of a tensor."""


class Stored(NamedTuple):
    """A tensor as a header describes it: the name of its type, one of ``ITEM_SIZES``, and its shape."""

    kind: str
    shape: tuple[int, ...]


def check_layout(path: Path) -> dict[str, Stored]:
    """What a well-formed safetensors file holds, by name; no more than the header is read.

    Raises:
        ModelFileError: it is none; the broken rule is named.
        NotFoundError: there is no such file.
    """
    try:
        with path.open("rb") as stream:
            return _check(stream, path.stat().st_size)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"there is no weights file {path}", field=str(path)) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", field=str(path)) from error
    except ValueError as error:
        raise refusal(path, str(error)) from error


def refusal(path: Path, rule: str) -> ModelFileError:
    """The error for a file that breaks ``rule``."""
    return ModelFileError(
        f"{path} is refused: {rule}", field=str(path), hint="weights are safetensors; nothing is ever unpickled"
    )


def _check(stream: BinaryIO, size: int) -> dict[str, Stored]:
    start = stream.read(8)
    length = int.from_bytes(start, "little")
    if _is_pickle(start) and length > size:
        raise ValueError("pickle refused, whatever its name: it could run code")
    if size < 8 or length > size - 8:
        raise ValueError(f"its header claims {length} bytes and the file has {size}")
    if length > HEADER_LIMIT:
        raise ValueError(f"its header has {length} bytes, more than {HEADER_LIMIT}")
    header = _parse(stream.read(length))
    header.pop("__metadata__", None)
    _check_spans([_span(name, entry) for name, entry in header.items()], size - 8 - length)
    return {name: Stored(entry["dtype"], tuple(entry["shape"])) for name, entry in header.items()}


def _is_pickle(start: bytes) -> bool:
    """Whether a file begins as a pickle of any protocol or, as PyTorch writes them, a zip of pickles."""
    framed = start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return framed or start.startswith((b"PK\x03\x04", b"(", b"c", b"]", b"}"))


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text, object_pairs_hook=_distinct)
    except _Repeated:
        raise
    except (ValueError, RecursionError) as error:
        raise ValueError("its header is not JSON") from error
    if not isinstance(header, dict):
        raise ValueError("its header is not a JSON object")
    return header


class _Repeated(ValueError):
    """A key was given twice."""


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(f"its header repeats the key {brief(key)}")
        found[key] = value
    return found


def _span(name: str, entry: Any) -> tuple[int, int, str]:
    """Where a tensor begins and ends, and its name."""
    match entry:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(end)]} if kind in ITEM_SIZES:
            if len(shape) > MOST_AXES or not all(type(extent) is int and extent >= 0 for extent in shape):
                raise ValueError(f"the tensor {brief(name)} has the shape {brief(shape)}")
            if math.prod(shape) * ITEM_SIZES[kind] != end - begin:
                raise ValueError(f"shape x type of the tensor {brief(name)} is not the {end - begin} bytes it claims")
            return begin, end, name
    raise ValueError(f"the entry of the tensor {brief(name)} is malformed or of an unknown type")


def _check_spans(spans: list[tuple[int, int, str]], size: int) -> None:
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            fault = "an overlap" if begin < position else "a hole"
            raise ValueError(f"there is {fault} before the tensor {brief(name)}")
        position = end
    if position != size:
        raise ValueError(f"{size - position} bytes trail the last tensor" if position < size else "its data is cut off")
