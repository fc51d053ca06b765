"""What commands print on standard output: one JSON object, or tables for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

WIDEST = 1000
"""Columns of a table that no terminal shows, at most."""


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own; paths become text."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table; where no terminal shows it, it is as wide as its content."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = Console(width=WIDEST).measure(table).maximum
    console.print(table)


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
