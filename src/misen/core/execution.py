"""Execution: how networks are run where being fast matters more than being the same to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from misen.core.errors import InputError, brief, closest

Precision = Literal["float32", "bfloat16"]
Engine = Literal["eager", "compiled", "openvino"]


@dataclass(frozen=True)
class Execution:
    """A way of running networks.

    Attributes:
        precision: of the numbers inside them.
        engine: what runs them: PyTorch operation by operation, its compiler, or OpenVINO.
        threads: inside one operation.
    """

    precision: Precision = "float32"
    engine: Engine = "eager"
    threads: int = 1

    def __post_init__(self) -> None:
        _check(self.precision, "precision", get_args(Precision))
        _check(self.engine, "engine", get_args(Engine))
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise InputError(f"threads must be a whole number from 1, got {brief(self.threads)}", field="threads")

    def __str__(self) -> str:
        return f"{self.precision}, {self.engine}, {self.threads} thread{'s' * (self.threads > 1)}"


def _check(value: object, name: str, accepted: Sequence[str]) -> None:
    if value not in accepted:
        raise InputError(f"there is no {name} {brief(value)}", field=name, hint=closest(str(value), accepted))
