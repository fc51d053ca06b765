"""Training configurations: one TOML file, strictly checked, with every complaint placed at its line."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError, model_validator

from misen.core.errors import ConfigError, NotFoundError, StorageError, closest

Settings = TypeVar("Settings")

OPERATIONAL = frozenset({"max_minutes", "threads", "checkpoint_minutes", "log_every", "keep", "skip_limit"})
"""Fields that may differ between a run and its continuation: when to stop, save and speak, not what to learn."""


class Source:
    """Where a configuration was written: its file and the keys given on the command line."""

    def __init__(self, name: str, text: str, overrides: Sequence[str] = ()) -> None:
        self.name, self.lines = name, text.splitlines()
        self.overrides = {override.partition("=")[0].strip() for override in overrides}

    def where(self, keys: tuple[str, ...]) -> str:
        """``file:line`` of a key, given with the tables it lies in, or ``--set key``."""
        dotted = ".".join(keys)
        return f"--set {dotted}" if dotted in self.overrides else f"{self.name}:{self._line(keys)}"

    def _line(self, keys: tuple[str, ...]) -> int:
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.lines, 1):
            if header := re.match(r"\s*\[+([^\]]+)\]", line):
                table = _split(header[1])
            entry = re.match(r"\s*([\w.\"'-]+)\s*=", line)
            here = table + _split(entry[1]) if entry else table
            if here == keys or (entry and here == keys[: len(here)]):
                return number
        return 1


class TrainingConfig(BaseModel):
    """How a model is trained.

    Attributes:
        name: name of the run and of the model it makes, e.g. "avatars/diffusion".
        recipe: training program, ``misen.recipes.train_<recipe>`` or ``tune_<recipe>``.
        seed: seed of everything random.
        batch_size: samples per step, over all processes.
        steps: optimiser steps after which the run ends; may be left out if ``max_minutes`` is given.
        max_minutes: wall-clock minutes after which the run ends, summed over its continuations.
        lr: learning rate at its height.
        warmup: steps over which the learning rate rises linearly.
        schedule: "constant"; "cosine" to zero over ``steps``; "trapezoid": constant, then linearly to zero.
        cooldown: fraction of the steps or minutes, whichever ends first, over which a trapezoid falls.
        weight_decay: decoupled weight decay of AdamW, applied to matrices and kernels, not to biases and gains.
        betas: AdamW's two decays.
        grad_clip: largest norm of a player's gradient.
        ema: decay of the averaged weights; it warms up as (1 + step) / (10 + step).
        precision: "bf16" computes matrix products and convolutions in bfloat16, "fp32" does not; weights are float32.
        threads: CPU threads per process; all that the environment allows when left out.
        checkpoint_minutes: minutes between checkpoints.
        log_every: steps between reports.
        keep: how many checkpoints stay on disk.
        skip_limit: how many steps in a row may be skipped for a loss or gradient that is not finite.
        model: the recipe's model settings.
        data: the recipe's data settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    recipe: str = ""
    seed: int = Field(0, ge=0, lt=2**63)
    batch_size: int = Field(64, ge=1)
    steps: int | None = Field(None, ge=1)
    max_minutes: float | None = Field(None, gt=0)
    lr: float = Field(3e-4, gt=0)
    warmup: int = Field(100, ge=0)
    schedule: Literal["constant", "cosine", "trapezoid"] = "trapezoid"
    cooldown: float = Field(0.25, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[float, float] = Field((0.9, 0.99), strict=False)
    grad_clip: float = Field(1.0, gt=0)
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Literal["bf16", "fp32"] = "bf16"
    threads: int | None = Field(None, ge=1)
    checkpoint_minutes: float = Field(5.0, gt=0)
    log_every: int = Field(20, ge=1)
    keep: int = Field(2, ge=2)
    skip_limit: int = Field(5, ge=0)
    model: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict)

    _source: Source = PrivateAttr(default_factory=lambda: Source("configuration", ""))

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.steps is None and self.max_minutes is None:
            raise ValueError("a run needs an end: give steps, max_minutes or both")
        if self.steps is None and self.schedule == "cosine":
            raise ValueError("schedule 'cosine' needs steps; a run bounded by max_minutes alone takes 'trapezoid'")
        return self

    def section(self, name: Literal["model", "data"], settings: type[Settings]) -> Settings:
        """The table ``[model]`` or ``[data]`` as ``settings``, a pydantic model or dataclass.

        Raises:
            ConfigError: a key is unknown, missing or has a wrong value; names every one with its line.
        """
        return _validate(settings, getattr(self, name), self._source, (name,))

    def resolved(self) -> dict[str, Any]:
        """Every field as JSON values; what checkpoints and cards store."""
        return self.model_dump(mode="json")


def load_config(path: Path | str, overrides: Sequence[str] = ()) -> TrainingConfig:
    """Read a TOML file; ``overrides`` are ``key=value`` or ``table.key=value`` with TOML values.

    Raises:
        NotFoundError: there is no such file.
        ConfigError: the file is not TOML, repeats a key, holds an unknown key or a value that is not accepted.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(f"there is no configuration file {path}", field="config") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})", field=str(path)) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", field="config") from error
    return parse_config(text, str(path), overrides)


def parse_config(text: str, name: str = "configuration", overrides: Sequence[str] = ()) -> TrainingConfig:
    """The configuration written in ``text``; ``name`` stands for the file in messages."""
    document = _parse(text, name)
    for override in overrides:
        _override(document, override)
    source = Source(name, text, overrides)
    _refuse_non_finite(document, source)
    config = _validate(TrainingConfig, document, source)
    config._source = source
    return config


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigError(f"{name}: tables or lists are nested too deeply", field=name) from None
    except ValueError as error:  # a TOMLDecodeError, or a number of thousands of digits
        what, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        # At the end of the document tomllib names no line.
        where = f"{name}:{line[1] if line else len(text.splitlines())}"
        what = what.replace("Cannot overwrite a value", "this key was given before; a key may be given only once")
        raise ConfigError(f"{where}: {what}", field=name, hint="training configurations are TOML") from error


def _override(document: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key=value, got {override!r}", field="set")
    *tables, last = _split(key)
    for table in tables:
        document = document.setdefault(table, {})
        if not isinstance(document, dict):
            raise ConfigError(f"--set {key.strip()}: {table!r} is a value, not a table", field="set")
    document[last] = _value(value.strip())


def _value(text: str) -> Any:
    """A TOML value; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _refuse_non_finite(document: Mapping[str, Any], source: Source) -> None:
    for keys, value in _leaves(document):
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(
                f"{source.where(keys)}: {'.'.join(keys)} must be a finite number, got {value}", field=".".join(keys)
            )


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*keys, key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, keys)
    else:
        yield keys, value


def _validate(
    settings: type[Settings], values: Mapping[str, Any], source: Source, inside: tuple[str, ...] = ()
) -> Settings:
    adapter = TypeAdapter(settings)
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        accepted = list(adapter.json_schema(mode="validation").get("properties", {}))
        complaints = [_complaint(detail, accepted, source, inside) for detail in error.errors()]
        raise ConfigError("\n".join(complaints), field=source.name) from error


def _complaint(detail: Any, accepted: Sequence[str], source: Source, inside: tuple[str, ...]) -> str:
    keys = inside + tuple(str(part) for part in detail["loc"])
    dotted = ".".join(keys)
    match detail["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"{source.where(keys)}: unknown key {dotted!r}; {closest(keys[-1], accepted)}"
        case "missing" | "missing_argument":
            return f"{source.where(inside)}: {dotted} is missing"
        case _ if not detail["loc"]:
            return f"{source.where(inside)}: {detail['msg'].removeprefix('Value error, ')}"
        case _:
            return f"{source.where(keys)}: {dotted}: {detail['msg'].lower()}, got {detail['input']!r}"
