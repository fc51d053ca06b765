"""JSON documents at the edges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from misen.core.errors import FormatError
from misen.media.picture import read


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
