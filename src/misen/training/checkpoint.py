"""Crash-safe checkpoints: one safetensors file each, complete under its name or not there at all.

A save writes to a temporary name in the same folder, forces it to the disk, renames it and forces the folder. The
file's own header holds a JSON manifest and a SHA-256 of manifest and tensors, so that no two files can disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from misen.core.errors import ModelFileError, StorageError
from misen.core.files import leftovers, replace_file
from misen.nn.description import check_format

FORMAT = 1
"""Version of the layout; a newer one is refused."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood.

    Attributes:
        manifest: JSON values: step, minutes, configuration and whatever else describes the run.
        tensors: everything that decides how it goes on.
    """

    manifest: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def to_bytes(self) -> bytes:
        """The file's content."""
        tensors = {name: tensor.detach().contiguous().cpu() for name, tensor in self.tensors.items()}
        text = json.dumps({"format": FORMAT, **self.manifest}, sort_keys=True)
        content: bytes = save(_unshared(tensors), {"manifest": text, "sha256": digest(text, tensors)})
        return content

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Open a checkpoint and verify it.

        Raises:
            ModelFileError: the file is malformed, altered, or of a newer format.
        """
        try:
            with safe_open(path, "pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise ModelFileError(f"{path} is not a checkpoint: {error}", field=str(path)) from error
        text = header.get("manifest", "")
        if header.get("sha256") != digest(text, tensors):
            raise ModelFileError(f"{path} was altered: its SHA-256 is not the recorded one", field=str(path))
        return cls(_manifest(path, text), tensors)


def digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of a manifest and of every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)}".encode())
        total.update(tensor.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _manifest(path: Path, text: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(text)
    check_format(path, manifest.pop("format"), FORMAT)
    return manifest


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tied weights are written once per name."""
    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        separate[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return separate


class CheckpointFolder:
    """The checkpoints of one run; the newest ``keep`` stay."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self.folder, self.keep = folder, keep

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write ``checkpoint`` under its step's name, then drop the oldest.

        Raises:
            StorageError: the folder cannot take it; earlier checkpoints are as they were.
        """
        path = self.folder / f"step-{checkpoint.manifest['step']:09d}.safetensors"
        self._make_folder()
        replace_file(path, checkpoint.to_bytes())
        for old in self.paths()[self.keep :]:
            old.unlink()
        return path

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "choose a folder that can be made and is writable"
            raise StorageError(f"cannot make {self.folder}: {error.strerror}", field="folder", hint=hint) from error

    def paths(self) -> list[Path]:
        """Complete checkpoints, newest first."""
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is sound; None if there is none.

        Raises:
            ModelFileError: there are checkpoints, but none is sound.
        """
        failure: ModelFileError | None = None
        for path in self.paths():
            try:
                return Checkpoint.read(path)
            except ModelFileError as error:
                failure = error
        if failure:
            raise failure
        return None

    def remove_leftovers(self) -> list[Path]:
        """Delete what interrupted saves left behind."""
        removed = leftovers(self.folder)
        for path in removed:
            path.unlink()
        return removed

