"""What commands print on standard output: one JSON object, or tables for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """A table, wide enough for its content where it is not shown on a terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    console = Console()
    console.print(table, width=None if console.is_terminal else console.measure(table).maximum + 2)


def print_fields(document: Mapping[str, Any]) -> None:
    """The fields of a report, one a line; tables inside it are indented."""
    for line in _lines(document, ""):
        print(line)


def _lines(document: Mapping[str, Any], indent: str) -> list[str]:
    width = max((len(name) for name in document), default=0)
    lines = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}", *_lines(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{name:{width}}  {_value(value)}")
    return lines


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(_value, value)) if isinstance(value, list | tuple) else str(value)


def _plain(cell: str) -> Any:
    """A cell whose brackets are not markup."""
    from rich.text import Text

    return Text(cell)
