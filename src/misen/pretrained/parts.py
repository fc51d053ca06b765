"""Networks that other libraries wrote: only safetensors, told by their content, and only whole ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.utils import logging

from misen.core.errors import ModelFileError, NotFoundError
from misen.nn.tensor_file import check_layout

CONFIG = "config.json"
PICKLED = {".bin", ".ckpt", ".pt", ".pth", ".pkl"}
"""How names of files end that hold weights, but rarely safetensors."""
SAFE = "find the model's safetensors; `misen convert` makes a folder of a checkpoint that is one safetensors file"
OUTGROWN = "position_ids"
"""Ends the names of tensors that old files hold and no network of today has."""


def open_part(folder: Path, kind: Any, stem: str) -> Any:
    """A frozen network in float32.

    Args:
        folder: holds ``config.json`` and the weights, in one file or several.
        kind: a class of diffusers or transformers.
        stem: how the names of the weights begin.

    Raises:
        NotFoundError: the folder lacks configuration or weights.
        ModelFileError: the weights are pickled, malformed, not finite, incomplete, or of another architecture.
    """
    if not (folder / CONFIG).is_file():
        raise NotFoundError(f"{folder / CONFIG} is missing; it should describe a {kind.__name__}", field=str(folder))
    edition = _edition(folder, stem)
    with fitting(folder, kind.__name__), _quietly():
        network, report = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            variant=edition,
            dtype=torch.float32,
            output_loading_info=True,
        )
    _require_whole(report, folder, kind.__name__)
    _require_finite(network, folder)
    return network.requires_grad_(False).eval()


def _edition(folder: Path, stem: str) -> str | None:
    """Which weights to open: the plain ones, or else the first of those with a word in their name, such as "fp16"."""
    pattern = re.compile(rf"{stem}(?:\.(\w+))?(?:-\d+-of-\d+)?\.safetensors")
    named = {file: found[1] for file in sorted(folder.iterdir()) if (found := pattern.fullmatch(file.name))}
    if not named:
        raise _without_weights(folder, stem)
    edition = min(named.values(), key=lambda name: name or "")
    for file in (file for file, name in named.items() if name == edition):
        _check(file)
    return edition


def _without_weights(folder: Path, stem: str) -> NotFoundError:
    """The error for a folder without weights; raises ``ModelFileError`` if there are some that must not be opened."""
    others = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in {*PICKLED, ".safetensors"}]
    for file in others:
        _check(file)
    found = ", ".join(file.name for file in others) or "no weights"
    return NotFoundError(f"{folder} should hold {stem}.safetensors and holds {found}", field=str(folder), hint=SAFE)


def _check(file: Path) -> None:
    try:
        check_layout(file)
    except ModelFileError as error:
        raise ModelFileError(error.message, field=error.field, hint=SAFE) from error


@contextmanager
def fitting(folder: Path, kind: str) -> Iterator[None]:
    """Libraries raise nearly anything when files do not make sense; as ``ModelFileError`` it is said in our words."""
    try:
        yield
    except Exception as error:
        complaint = str(error).strip()[:500]
        raise ModelFileError(f"{folder} holds no {kind} that can be opened: {complaint}", field=str(folder)) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the progress bars of transformers, which would stand among what a command prints."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _require_whole(report: Mapping[str, Collection[Any]], folder: Path, kind: str) -> None:
    wrong = {
        "missing": sorted(map(str, report["missing_keys"])),
        "extra": sorted(name for name in map(str, report["unexpected_keys"]) if not name.endswith(OUTGROWN)),
        "misshaped": sorted(map(str, report["mismatched_keys"])),
    }
    if any(wrong.values()):
        listed = "; ".join(f"{len(names)} {fault}: {', '.join(names[:5])}" for fault, names in wrong.items() if names)
        raise ModelFileError(f"the weights in {folder} are not those of its {kind}: {listed}", field=str(folder))


def _require_finite(network: nn.Module, folder: Path) -> None:
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelFileError(f"{folder}: the tensor {name!r} holds a NaN or infinity", field=str(folder))
