"""Putting a trained model into the package with the card that tells how it was made, and going on from what ships."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from misen.core.files import replace_file
from misen.nn import weights
from misen.training import Outcome, TrainingConfig


@dataclass(frozen=True)
class Walking:
    """How the card of a model that walks recommends to make pictures.

    Attributes:
        sampler: of the family.
        steps: of a walk that energies guide.
        guidance_scale: where nothing is wished, the share of truncation.
    """

    sampler: str = "walk"
    steps: int = 60
    guidance_scale: float = 1.0


def ship(module: nn.Module, name: str, config: TrainingConfig, outcome: Outcome, facts: Mapping[str, Any]) -> str:
    """Write ``module`` as the model ``name``; the SHA-256 of its weights.

    Models that hold the weights it had before as a part keep those.

    Args:
        module: what was trained, with the weights to keep.
        name: of the model, and of its folder.
        config: of the run.
        outcome: of the run.
        facts: what the card says beyond the run itself: the data, and every figure with n and interval. Where the
            data lay is nobody's business and left out.
    """
    folder = weights.SHIPPED / name
    separate(folder)
    return weights.save(module, folder, card_of(module, name, config, outcome, facts))


def go_on(module: nn.Module, name: str) -> None:
    """Fill ``module`` with the weights of the model ``name``, from where a new run takes it further.

    Raises:
        NotFoundError: no such model ships.
        ModelFileError: it has another architecture, or was altered.
    """
    weights.load(module, weights.shipped(name))


@contextmanager
def rewritten(name: str) -> Iterator[Path]:
    """The folder of the model ``name``, in a foreign layout, to be written anew within a ``with`` block.

    Models that hold a weights file that it had before keep that file; what it shares with others is stored once.
    """
    folder = weights.SHIPPED / name
    detach(folder)
    separate(folder)
    yield folder
    share(folder)


def share(folder: Path) -> None:
    """Replace every weights file in ``folder`` that another model has too by a relative link to it.

    A model in a foreign layout holds its parts whole; those that others have as well are so stored once.
    """
    others = [path for path in weights.SHIPPED.rglob("*.safetensors") if not path.is_relative_to(folder)]
    owned = {_digest(path): path for path in sorted(others, reverse=True) if not path.is_symlink()}
    for path in folder.glob("*/*.safetensors"):
        owner = owned.get(_digest(path))
        if owner is not None and not path.is_symlink():
            path.unlink()
            path.symlink_to(os.path.relpath(owner, path.parent))


def separate(folder: Path) -> None:
    """Give every model that shares a weights file of ``folder`` a copy of its own, since that file is to change."""
    for path in weights.SHIPPED.rglob("*.safetensors"):
        if path.is_symlink() and path.resolve().is_relative_to(folder.resolve()) and not path.is_relative_to(folder):
            replace_file(path, path.read_bytes())


def detach(folder: Path) -> None:
    """Give ``folder`` a copy of its own of every weights file that it shares, since it is to be written anew."""
    for path in folder.rglob("*.safetensors"):
        if path.is_symlink():
            replace_file(path, path.read_bytes())


def card_of(
    module: nn.Module, name: str, config: TrainingConfig, outcome: Outcome, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The card of the model ``name``; arguments as for ``ship``."""
    training = {
        "samples": outcome.samples,
        "minutes": round(outcome.minutes, 2),
        "device": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "commit": _commit(),
        "config": _without_none(config.model_dump(mode="json", exclude={"data"})),
    }
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return {"name": name, "licence": "Apache-2.0", "parameters": parameters, "training": training, **facts}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return found.stdout.strip()


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    """TOML has no null."""
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in table.items()
        if value is not None
    }
