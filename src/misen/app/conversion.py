"""Checkpoints of other people as folders that can be opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from misen import assembly
from misen.app.destinations import check_folder
from misen.core.errors import InputError, NotFoundError, StorageError
from misen.pretrained import INDEX, hub


@dataclass(frozen=True)
class Converted:
    """What became of a checkpoint.

    Attributes:
        folder: where the model lies now.
        tensors: how many each network has, and ``"left out"``, those of no network.
        sha256: digest over the digests of its weights.
    """

    folder: Path
    tensors: Mapping[str, int]
    sha256: str


def convert(file: str | Path, out: str | Path, *, config: str | None = None, overwrite: bool = False) -> Converted:
    """Make a folder of a checkpoint of Stable Diffusion; the folder is there whole, and can be opened, or not at all.

    Args:
        file: one safetensors file.
        out: the folder, in one that exists.
        config: a folder of diffusers', or the id of one that was fetched, for what the file does not tell: vocabulary,
            noise, and any network of unusual make.
        overwrite: whether a model that lies at ``out`` may be replaced.

    Raises:
        InputError: ``file`` is a folder.
        NotFoundError: there is no such file, no such ``config``, or no vocabulary.
        ModelFileError: the file is pickled, malformed or no such checkpoint, or its networks do not fit ``config``.
        StorageError: ``out`` exists and may not be replaced, or cannot be written.
    """
    from misen.pretrained.stable_diffusion import folder, single_file

    file, out = Path(file), Path(out)
    if file.is_dir():
        hint = "a folder of diffusers' is opened as it is, if its weights are safetensors"
        raise InputError(f"{str(file)!r} is a folder, not one file of weights", field="file", hint=hint)
    _check_free(out, overwrite=overwrite)
    with _whole(out) as partial:
        tensors = single_file.unpack(file, partial, _config(config))
        folder.load(partial)
        sha256 = assembly.fingerprint(partial)
    return Converted(out, tensors, sha256)


def _check_free(out: Path, *, overwrite: bool) -> None:
    check_folder(out.parent)
    if out.exists() and not overwrite:
        raise StorageError(f"{str(out)!r} exists", field="out", hint="choose another name, or allow overwriting")
    if out.exists() and not (out / INDEX).is_file():
        hint = f"choose another name; only a folder with a {INDEX} is replaced"
        raise StorageError(f"{str(out)!r} is something else than a model", field="out", hint=hint)


def _config(name: str | None) -> Path | None:
    if name is None or Path(name).is_dir():
        return None if name is None else Path(name)
    if (fetched := hub.cached(name)) is None:
        raise NotFoundError(f"there is no folder {name!r}", field="config", hint=hub.advice(name).removeprefix("; "))
    return fetched


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` to write into, which takes its name in the end, and vanishes if that is not reached."""
    partial, former = (out.with_name(f".{out.name}.{os.getpid()}.{state}") for state in ("partial", "former"))
    partial.mkdir()
    try:
        yield partial
        if out.exists():
            out.rename(former)
        partial.rename(out)
    finally:
        if former.exists() and not out.exists():
            former.rename(out)
        for leftover in (partial, former):
            shutil.rmtree(leftover, ignore_errors=True)
