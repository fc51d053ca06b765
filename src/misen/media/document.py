"""JSON documents at the edges."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from misen.core.errors import ConfigError, FormatError
from misen.media.picture import read

Place = tuple[str | int, ...]
"""Keys and indices that lead to a value."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
"""Strings, and what opens, parts and closes objects and lists."""


def read_json(source: str | Path) -> Any:
    """The JSON in a file, or in the argument itself when it opens with a bracket.

    Raises:
        FormatError: it is not JSON; the message gives line and column.
    """
    inline = isinstance(source, str) and source.lstrip().startswith(("[", "{"))
    name = "JSON" if inline else Path(source).name
    try:
        return json.loads(str(source) if inline else read(source))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FormatError(f"{name} is not JSON: {error.msg} at {where}", field=name) from None
    except UnicodeDecodeError as error:
        raise FormatError(f"{name} is not JSON: byte {error.start} is not UTF-8", field=name) from None
    except RecursionError:
        raise FormatError(f"{name} is nested too deeply", field=name) from None
    except ValueError as error:
        raise FormatError(f"{name} holds a number that cannot be read: {error}", field=name) from None


def line_of(place: Sequence[str | int], text: str) -> int:
    """The line of a key in a JSON document, or of the nearest key above it; 1 if there is none."""
    lines = dict(_keys(text))
    above = (tuple(place[:length]) for length in range(len(place), 0, -1))
    return next((lines[key] for key in above if key in lines), 1)


def refuse_repetition(text: str, name: str) -> None:
    """Raise ``ConfigError`` if a key of a JSON document, called ``name``, is given twice in one object."""
    seen: set[Place] = set()
    for place, line in _keys(text):
        if place in seen:
            what = f"the key {place[-1]!r} is given twice"
            raise ConfigError(f"{name}:{line}: {what}", field=name, hint="keep one of them")
        seen.add(place)


def _keys(text: str) -> Iterator[tuple[Place, int]]:
    """Every key of a JSON document in order: its place and its line."""
    inside: list[Any] = []  # of each open list the index, of each open object the key, None before it is read
    line, end = 1, 0
    for token in _TOKENS.finditer(text):
        line, end = line + text.count("\n", end, token.start()), token.start()
        match token[0]:
            case "{" | "[":
                inside.append(0 if token[0] == "[" else None)
            case "}" | "]":
                inside.pop()
            case ",":
                inside[-1] = None if isinstance(inside[-1], str) else inside[-1] + 1
            case string if inside and inside[-1] is None:
                inside[-1] = json.loads(string)
                yield tuple(inside), line
