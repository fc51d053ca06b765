"""Weights that ship: one safetensors file and its card, refused unless they are exactly what was saved.

A folder holds ``model.safetensors`` and ``card.toml``; the card records the SHA-256 of the file and the version of the
format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as decode
from safetensors.torch import save as encode
from torch import Tensor, nn

from misen.core.errors import ModelFileError, NotFoundError
from misen.core.files import replace_file
from misen.nn import description
from misen.nn.description import CARD, check_format, write_card
from misen.nn.tensor_file import check_layout, refusal

FORMAT = 1
"""Version of folder and card; a newer one is refused."""
WEIGHTS = "model.safetensors"
SHIPPED = Path(__file__).parents[1] / "weights"
"""Where the models of the package lie, one folder each."""


def shipped(name: str) -> Path:
    """The folder of a shipped model; raises ``NotFoundError`` if the package lacks it."""
    if not (SHIPPED / name / CARD).is_file():
        hint = f"train them with `make zoo`, or only these with `make zoo NAME={name.replace('-', '_')}`"
        raise NotFoundError(f"this installation has no weights called {name!r}", hint=hint)
    return SHIPPED / name


def save(module: nn.Module, folder: Path, card: Mapping[str, Any]) -> str:
    """Write ``module`` in half precision with its card; the SHA-256 of the weights.

    Args:
        module: its whole state dict is written.
        folder: made if absent; what it held is replaced.
        card: what is known of the model: strings, numbers, lists and tables of them.

    Raises:
        ModelFileError: a weight is not finite in half precision.
        StorageError: the disk does not take it.
    """
    return save_tensors(_halves(module), folder, card)


def save_tensors(tensors: Mapping[str, Tensor], folder: Path, card: Mapping[str, Any]) -> str:
    """Write ``tensors`` as they are, with their card; the SHA-256 of the file. See ``save``."""
    digest = write_tensors(tensors, folder / WEIGHTS)
    write_card(folder, {"format": FORMAT, "sha256": digest, **card})
    return digest


def write(module: nn.Module, path: Path) -> str:
    """Write the state dict of ``module`` in half precision to ``path``, whose folder is made; its SHA-256.

    Raises:
        ModelFileError: a weight is not finite in half precision.
        StorageError: the disk does not take it.
    """
    return write_tensors(_halves(module), path)


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> str:
    """Write ``tensors`` as they are to ``path``, whose folder is made; the SHA-256 of the file.

    Raises:
        ModelFileError: a value is not finite.
        StorageError: the disk does not take it.
    """
    _require_finite(tensors, path)
    content = encode(dict(tensors))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
    return hashlib.sha256(content).hexdigest()


def load(module: nn.Module, folder: Path) -> dict[str, Any]:
    """Fill ``module`` from ``folder``; the card.

    Raises:
        NotFoundError: the folder holds no model.
        ModelFileError: weights or card are malformed, altered, not finite, too new, or of another architecture; the
            module is then unchanged.
    """
    card = read_card(folder)
    fill(module, folder / WEIGHTS, card["sha256"])
    return card


def fill(module: nn.Module, path: Path, sha256: str | None = None) -> None:
    """Fill ``module`` from one safetensors file.

    Raises:
        NotFoundError: there is no such file.
        ModelFileError: as for ``read_tensors``, or it belongs to another architecture; the module is then unchanged.
    """
    tensors, expected = read_tensors(path, sha256), module.state_dict()
    _require_same_architecture(tensors, expected, path)
    module.load_state_dict({name: tensor.to(expected[name].dtype) for name, tensor in tensors.items()})


def read_card(folder: Path) -> dict[str, Any]:
    """The card that ``save`` wrote, with format and digest.

    Raises:
        NotFoundError: there is none.
        ModelFileError: it is no such card, or its format is newer than this version reads.
    """
    card, path = description.read_card(folder), folder / CARD
    if not isinstance(card.get("sha256"), str) or not isinstance(card.get("format"), int):
        raise ModelFileError(f"{path} is not a card: it states no format and sha256", field=str(path))
    check_format(path, card["format"], FORMAT)
    return card


def read_tensors(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by name; no file is ever unpickled.

    Args:
        path: decided by its content, whatever it is called.
        sha256: the recorded digest of the file, when there is one.

    Raises:
        NotFoundError: there is no such file.
        ModelFileError: it is not safetensors, breaks one of its rules, was altered, or holds a NaN or infinity.
    """
    check_layout(path)
    content = path.read_bytes()
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ModelFileError(
            f"{path} was altered: its SHA-256 is not the one its card records",
            field=str(path),
            hint="install the model again, or retrain it",
        )
    tensors = _decode(content, path)
    _require_finite(tensors, path)
    return tensors


def _decode(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = decode(content)
    except SafetensorError as error:
        raise refusal(path, str(error)) from error
    return tensors


def _halves(module: nn.Module) -> dict[str, Tensor]:
    return {name: _half(tensor) for name, tensor in module.state_dict().items()}


def _half(tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    return tensor.half() if tensor.is_floating_point() else tensor


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelFileError(
                f"{path}: the tensor {name!r} holds a NaN or infinity", field=str(path), hint="use a sound checkpoint"
            )


def _require_same_architecture(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], path: Path) -> None:
    missing = [f"{name} {tuple(expected[name].shape)}" for name in expected if name not in tensors]
    extra = [f"{name} {tuple(tensors[name].shape)}" for name in tensors if name not in expected]
    misshaped = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    wrong = {"missing": missing, "extra": extra, "misshaped": misshaped}
    if any(wrong.values()):
        listed = "; ".join(f"{len(names)} {kind}: {', '.join(names[:5])}" for kind, names in wrong.items() if names)
        raise ModelFileError(f"{path} belongs to another architecture: {listed}", field=str(path))
