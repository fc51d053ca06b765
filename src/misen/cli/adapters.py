"""``--adapter PATH[:modality=M,strength=,start=,end=,raw=true]``: what is added to other people's models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from misen.cli.wishes import number

if TYPE_CHECKING:
    from misen.core.adapter import Adapter

_PAIR = r"\s*(?:modality|strength|start|end|raw)\s*=\s*[^,:=\s]*"
_SUFFIX = re.compile(rf":({_PAIR}(?:,{_PAIR})*)$")


def adapters(arguments: Sequence[str] | None) -> list[Adapter]:
    """The adapters that an option's arguments describe, if it was used; raises ``InputError`` as ``adapter`` does."""
    return [adapter(argument) for argument in arguments or ()]


def raw(added: Iterable[Adapter]) -> set[str]:
    """Modalities whose files are pictures, which an adapter is shown as they are."""
    return {adapter.modality for adapter in added if adapter.raw}


def adapter(argument: str) -> Adapter:
    """The adapter an option's argument describes; raises ``InputError`` for a senseless suffix."""
    from misen.core.adapter import Adapter
    from misen.core.signal import key_values

    found = _SUFFIX.search(argument)
    path, suffix = (argument[: found.start()], key_values(found[1])) if found else (argument, {})
    start, end = (number(suffix, key, "adapter", default) for key, default in (("start", 0.0), ("end", 1.0)))
    given = suffix.get("raw", "false")
    return Adapter(
        path=path,
        modality=suffix.get("modality", ""),
        strength=number(suffix, "strength", "adapter", 1.0),
        window=(start, end),
        raw={"true": True, "false": False}.get(given, given),  # type: ignore[arg-type]  # checked at birth
    )
