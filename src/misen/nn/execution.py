"""Networks run in another way than they were built: in fewer bits, channels side by side, by a compiler."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from misen.core.errors import NotFoundError
from misen.core.execution import Engine, Precision
from misen.nn import room

Network = TypeVar("Network", bound=nn.Module)

DTYPES: Mapping[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
COMPILERS: Mapping[Engine, Mapping[str, Any]] = {
    "compiled": {"backend": "inductor", "dynamic": False},
    "openvino": {"backend": "openvino", "dynamic": False},
}
"""Arguments of ``torch.compile`` by engine."""
COMPILING = Lock()
"""Held while something is compiled, as the settings of compilers are those of the whole process."""
KINDS = 64
"""Of inputs, over all networks of one architecture, for which something is compiled; others are run as they are."""
NEEDS: Mapping[Engine, str] = {"compiled": "a C++ compiler", "openvino": "the package openvino (extra accel)"}


def lowered(network: Network, precision: Precision) -> Network:
    """A copy of a network in ``precision`` that keeps the channels of each place side by side.

    Raises:
        LimitError: memory does not suffice for the copy.
    """
    _make_room(network)
    other = copy.deepcopy(network)
    nn.Module.to(other, dtype=DTYPES[precision], memory_format=torch.channels_last)  # type: ignore[call-overload]
    return other


def _make_room(network: nn.Module) -> None:
    """Refuse to copy a network that main memory does not take twice; an accelerator refuses by itself, at no loss."""
    tensors = (*network.parameters(), *network.buffers())
    needed, device = sum(tensor.nbytes for tensor in tensors), tensors[0].device
    if device.type == "cpu" and needed > room.free("cpu"):
        hint = "leave accelerate and the execution out"
        raise room.shortage("a copy of a network, to be run otherwise,", needed, "cpu", field="execution", hint=hint)


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
        part.forward = _folding(torch.compile(part.forward, **COMPILERS[engine]))


def _folding(compiled: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with weights folded in where it is compiled, at the first call and for every new kind of input.

    Folding is no option of ``torch.compile``, whose tracer would still take weights for arguments.
    """
    from torch._dynamo import config as tracer
    from torch._inductor import config as compiler

    known: set[Hashable] = set()

    def call(*given: Any, **named: Any) -> Any:
        kind = (torch.get_num_threads(), torch.is_grad_enabled(), _kind(given), _kind(tuple(named.values())))
        if kind in known:
            return compiled(*given, **named)
        with COMPILING, compiler.patch(freezing=True), tracer.patch(recompile_limit=KINDS):
            answer = compiled(*given, **named)
        known.add(kind)
        return answer

    return call


def _kind(value: Any) -> Hashable:
    """What of an input decides what is compiled for it."""
    match value:
        case Tensor():
            return value.shape, value.dtype
        case tuple():
            return tuple(map(_kind, value))
        case _:
            return cast(Hashable, value)


def uncompiled(engine: Engine) -> AbstractContextManager[object]:
    """A context in which what an engine would compile is run operation by operation."""
    return nullcontext() if engine == "eager" else torch.compiler.set_stance("force_eager")
