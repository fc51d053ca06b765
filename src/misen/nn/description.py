"""What describes a model beside its weights: cards in TOML and configurations in JSON, read strictly, written whole."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from misen.core.errors import ModelFileError, NotFoundError, StorageError
from misen.core.files import replace_file
from misen.nn.card import to_toml

CARD = "card.toml"


def read_card(folder: Path) -> dict[str, Any]:
    """What the card of a model says, whatever it is.

    Raises:
        NotFoundError: there is none.
        ModelFileError: it is not TOML.
        StorageError: it cannot be read.
    """
    card: dict[str, Any] = _read(folder / CARD, tomllib.loads, "a card")
    return card


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write the card of a model: strings, numbers, lists and tables of them.

    Raises:
        StorageError: the disk does not take it.
    """
    replace_file(folder / CARD, to_toml(card).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        NotFoundError: there is no such file.
        ModelFileError: it is not JSON, or not an object.
        StorageError: it cannot be read.
    """
    value = _read(path, json.loads, "JSON")
    if not isinstance(value, dict):
        raise ModelFileError(f"{path} is not a JSON object", field=str(path))
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object.

    Raises:
        StorageError: the disk does not take it.
    """
    replace_file(path, f"{json.dumps(value, indent=2)}\n".encode())


def check_format(path: Path, stated: int, known: int) -> None:
    """Raise ``ModelFileError`` if ``path`` states a newer format than the newest ``known`` one."""
    if stated > known:
        raise ModelFileError(
            f"{path} needs a version of Misen that reads format >= {stated}, this one reads {known}",
            field=str(path),
            hint="install a newer version of Misen",
        )


def _read(path: Path, parse: Callable[[str], Any], kind: str) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no model at {path.parent}: {path.name} is missing", field=str(path)) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", field=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is not {kind}: {error}", field=str(path)) from error
