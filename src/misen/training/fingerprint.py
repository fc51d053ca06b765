"""What a run was made of, so that it is continued with the same or not at all."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from misen.core.errors import ConfigError
from misen.core.generator import Player
from misen.training.config import OPERATIONAL, TrainingConfig


def fingerprint(config: TrainingConfig, players: Iterable[Player], data: str) -> dict[str, str]:
    """Everything that decides what is learned, by dotted key: configuration, data, code and torch's version."""
    settings = {key: value for key, value in config.resolved().items() if key not in OPERATIONAL}
    code = {f"code.{name}": _file_hash(name) for player in players for name in _modules(player)}
    return {**_flatten(settings), "data.fingerprint": data, **code, "torch": torch.__version__}


def require_same(recorded: Mapping[str, str], current: Mapping[str, str], allow: Collection[str]) -> None:
    """Check that a run may be continued.

    Args:
        recorded: the checkpoint's fingerprint.
        current: this run's.
        allow: keys that may differ, or beginnings of keys such as "code" or "data"; "all" allows everything.

    Raises:
        ConfigError: other keys differ; the message lists every one with both values.
    """
    keys = sorted(key for key in {*recorded, *current} if recorded.get(key) != current.get(key))
    refused = [key for key in keys if not _allowed(key, allow)]
    if refused:
        listed = "; ".join(f"{key}: {_short(recorded.get(key))} -> {_short(current.get(key))}" for key in refused)
        flags = " ".join(f"--allow {key}" for key in refused)
        raise ConfigError(
            f"the checkpoint was made with something else ({listed})",
            field=refused[0],
            hint=f"restore it, train in another folder, or allow it: {flags}",
        )


def _allowed(key: str, allow: Collection[str]) -> bool:
    return "all" in allow or any(key == name or key.startswith(f"{name}.") for name in allow)


def _short(value: str | None) -> str:
    if value is None:
        return "(absent)"
    return value[:12] if len(value) == 64 else value


def _flatten(value: Mapping[str, Any], inside: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, item in value.items():
        flat |= _flatten(item, f"{inside}{key}.") if isinstance(item, Mapping) else {f"{inside}{key}": repr(item)}
    return flat


def _modules(player: Player) -> set[str]:
    """Names of our modules whose code computes this player's loss."""
    classes = {type(player), *(type(part) for part in player.module.modules())}
    return {cls.__module__ for cls in classes if not cls.__module__.startswith(("torch.", "builtins"))}


def _file_hash(module: str) -> str:
    source = inspect.getsourcefile(sys.modules[module])
    return hashlib.sha256(Path(source).read_bytes()).hexdigest() if source else ""
