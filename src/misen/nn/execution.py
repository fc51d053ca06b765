"""Networks run in another way than they were built: in fewer bits, channels side by side, by a compiler."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import torch
from torch import nn

from misen.core.errors import NotFoundError
from misen.core.execution import Engine, Precision

Network = TypeVar("Network", bound=nn.Module)

DTYPES: Mapping[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPILERS: Mapping[Engine, Mapping[str, Any]] = {
    "compiled": {"backend": "inductor", "dynamic": False, "options": {"freezing": True}},
    "openvino": {"backend": "openvino", "dynamic": False},
}
"""Arguments of ``torch.compile`` by engine; weights are folded into what is compiled."""
NEEDS: Mapping[Engine, str] = {"compiled": "a C++ compiler", "openvino": "the package openvino (extra accel)"}


def lowered(network: Network, precision: Precision) -> Network:
    """A copy of a network in ``precision`` that keeps the channels of each place side by side."""
    other = copy.deepcopy(network)
    nn.Module.to(other, dtype=DTYPES[precision], memory_format=torch.channels_last)  # type: ignore[call-overload]
    return other


def compilers() -> list[Engine]:
    """Engines that compile and can be used here."""
    there: dict[Engine, bool] = {
        "compiled": any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))),
        "openvino": find_spec("openvino") is not None,
    }
    return [engine for engine, is_there in there.items() if is_there]


def compile_parts(parts: Iterable[nn.Module], engine: Engine) -> None:
    """Let an engine run networks, which are compiled when they are first asked; ``eager`` leaves them as they are.

    Raises:
        NotFoundError: the engine is not installed.
    """
    if engine == "eager":
        return
    if engine not in compilers():
        hint = "leave accelerate out, or install it"
        raise NotFoundError(f"engine {engine} needs {NEEDS[engine]}", field="execution.engine", hint=hint)
    if engine == "openvino":
        import_module("openvino.torch")  # makes itself known to torch.compile
    for part in parts:
        part.compile(**COMPILERS[engine])
