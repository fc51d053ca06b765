"""Networks that other libraries wrote: only safetensors, told by their content, and only whole ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers.utils import logging

from misen.core.errors import ModelFileError, NotFoundError
from misen.nn.room import Burden
from misen.nn.tensor_file import Stored, check_layout

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
    edition, stored = _edition(folder, kind, stem)
    with fitting(folder, kind.__name__), _quietly():
        network, report = kind.from_pretrained(
            folder,
            use_safetensors=True,
            local_files_only=True,
            variant=edition,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused here, with all others that do not fit
        )
    shapes = {name: tensor.shape for tensors in stored.values() for name, tensor in tensors.items()}
    _require_whole(report, shapes, network, folder)
    _require_finite(network, folder)
    return network.requires_grad_(False).eval()


def outline_part(folder: Path, kind: Any, stem: str, *, where: FakeTensorMode) -> Any:
    """The network that ``open_part`` would open, without weights and without memory; errors as there.

    Args:
        folder: as for ``open_part``.
        kind: as for ``open_part``.
        stem: as for ``open_part``.
        where: the stage that it is built on.
    """
    _edition(folder, kind, stem)
    with fitting(folder, kind.__name__), where:
        diffused = issubclass(kind, ModelMixin)
        network = kind.from_config(kind.load_config(folder)) if diffused else _of_transformers(folder, kind)
    return network.requires_grad_(False).eval()


def _of_transformers(folder: Path, kind: Any) -> Any:
    return kind(kind.config_class.from_pretrained(folder, local_files_only=True))


def weigh_part(folder: Path, kind: Any, stem: str) -> Burden:
    """What ``open_part`` takes, by the headers of its files; errors as there."""
    _, stored = _edition(folder, kind, stem)
    held = sum(file.stat().st_size for file in stored)
    tensors = [tensor for file in stored.values() for tensor in file.values()]
    opened = sum(torch.float32.itemsize * prod(tensor.shape) for tensor in tensors)
    copied = any(tensor.kind != "F32" for tensor in tensors)
    return Burden(stored=held, opened=opened, peak=opened + held * copied, files=tuple(stored))


def _edition(folder: Path, kind: Any, stem: str) -> tuple[str | None, dict[Path, dict[str, Stored]]]:
    """Which weights to open: the plain ones, or else the first of those with a word in their name, such as "fp16".

    Returns:
        That word, if there is one, and what each file holds.
    """
    if not (folder / CONFIG).is_file():
        raise NotFoundError(f"{folder / CONFIG} is missing; it should describe a {kind.__name__}", field=str(folder))
    pattern = re.compile(rf"{stem}(?:\.(\w+))?(?:-\d+-of-\d+)?\.safetensors")
    named = {file: found[1] for file in sorted(folder.iterdir()) if (found := pattern.fullmatch(file.name))}
    if not named:
        raise _without_weights(folder, stem)
    edition = min(named.values(), key=lambda name: name or "")
    return edition, {file: _check(file) for file, name in named.items() if name == edition}


def _without_weights(folder: Path, stem: str) -> NotFoundError:
    """The error for a folder without weights; raises ``ModelFileError`` if there are some that must not be opened."""
    others = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in {*PICKLED, ".safetensors"}]
    for file in others:
        _check(file)
    found = ", ".join(file.name for file in others) or "no weights"
    return NotFoundError(f"{folder} should hold {stem}.safetensors and holds {found}", field=str(folder), hint=SAFE)


def _check(file: Path) -> dict[str, Stored]:
    try:
        return check_layout(file)
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


Shapes = Mapping[str, tuple[int, ...]]


def _require_whole(report: Mapping[str, Iterable[Any]], stored: Shapes, network: nn.Module, folder: Path) -> None:
    """Refuse weights that a library found missing, left over, or of another shape."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    extra = (name for name in report["unexpected_keys"] if not name.endswith(OUTGROWN))
    wrong = {
        "missing": _shaped(report["missing_keys"], expected),
        "extra": _shaped(extra, stored),
        "misshaped": [f"{name} {(*found,)} instead of {(*due,)}" for name, found, due in report["mismatched_keys"]],
    }
    if any(wrong.values()):
        listed = "; ".join(f"{len(names)} {fault}: {', '.join(names[:5])}" for fault, names in wrong.items() if names)
        what = type(network).__name__
        raise ModelFileError(f"the weights in {folder} are not those of its {what}: {listed}", field=str(folder))


def _shaped(names: Iterable[str], shapes: Shapes) -> list[str]:
    """Names with shapes; a library may have renamed what a file holds, and then only the name is known."""
    return [f"{name} {shapes[name]}" if name in shapes else name for name in sorted(names)]


def _require_finite(network: nn.Module, folder: Path) -> None:
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelFileError(f"{folder}: the tensor {name!r} holds a NaN or infinity", field=str(folder))
