"""The files that pictures depend on beside their model and its adapters, as a recipe keeps them: by digest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from misen import assembly
from misen.app.recall import Taught
from misen.app.request import Request
from misen.core.energy import Varied
from misen.core.errors import InputError

DECISIVE = {".safetensors", ".json", ".txt"}
"""How names of files end that hold weights, or say how they are used."""


def digests(request: Request) -> dict[str, str]:
    """SHA-256, by path, of the files whose content decides what becomes of a request; of none for most."""
    return {path.as_posix(): _digest(path) for folder in _folders(request) for path in _files(Path(folder))}


def check(told: Mapping[str, str], request: Request) -> None:
    """Refuse to fulfil a request with other files than a recipe was made with.

    Args:
        told: digests by path, as :func:`digests` returned them; an empty one allows any content.
        request: of the recipe.

    Raises:
        InputError: a file was changed, or is not used any more; the message says which one.
    """
    here = digests(request)
    for path in (path for path, sha256 in told.items() if sha256 not in ("", here.get(path))):
        what = "is not as it was when the recipe was made"
        gone = "was used when the recipe was made, and is not now"
        hint = "put it back, or empty its digest"
        raise InputError(f"{path} {what if path in here else gone}", field="files", hint=hint)


def _folders(request: Request) -> Iterator[str]:
    """Of what a method was taught, and of what measures a wish."""
    if request.canvas is not None and isinstance(request.method, Taught):
        yield request.method.adapter
    for wish in request.guidances:
        measure = wish.consistency.measure
        if measure and wish.route in ("auto", "consistency") and measure not in _named(wish.modality):
            yield measure


def _named(modality: str) -> Collection[str]:
    """Measures of a modality that lie in no folder."""
    if modality not in assembly.energies():
        return ()
    energy = assembly.energies()[modality]
    return energy.measures if isinstance(energy, Varied) else ()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in DECISIVE and path.is_file())


def _digest(path: Path) -> str:
    now = path.stat()
    return _digest_as_of(path.resolve(), now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=256)
def _digest_as_of(path: Path, changed: int, size: int) -> str:
    """Each picture of many has a recipe, and weights are large: they are read again only once they were written."""
    return assembly.fingerprint(path)
