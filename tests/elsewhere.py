"""Another device, in the mind alone: what is said to lie there is computed here, and may not meet what lies here."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

FAR = torch.device("meta")
"""A device of which any installation of PyTorch knows."""
COPY = torch.ops.aten.copy_.default
"""What brings numbers from one device into a tensor on another."""


class Far(Tensor):
    """A tensor that says it lies there."""

    here: Tensor
    """Its numbers."""

    @staticmethod
    def __new__(cls, here: Tensor) -> Far:
        settings = {"strides": here.stride(), "storage_offset": here.storage_offset(), "dtype": here.dtype}
        return Tensor._make_wrapper_subclass(cls, here.shape, device=FAR, **settings)

    def __init__(self, here: Tensor) -> None:
        self.here = here

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})

    def tolist(self) -> Any:
        return self.here.tolist()


def _computed(func: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Here, of tensors that all lie there or all lie here; where the result lies is as they do, or as is asked."""
    given = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
    far = [isinstance(leaf, Far) for leaf in given]
    met = any(far) and any(leaf.ndim for leaf in given if not isinstance(leaf, Far))
    assert func is COPY or not met, f"{func} of tensors on different devices"
    apart = far[0] if func is COPY else any(far)
    asked = named.get("device")
    if asked is not None:
        apart, named = torch.device(asked) == FAR, {**named, "device": "cpu"}
    args, named = tree_map_only(Far, lambda tensor: tensor.here, (args, named))
    result = func(*args, **named)
    return tree_map_only(Tensor, Far, result) if apart else result


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _computed(func, args, kwargs or {})


class _Lists(TorchFunctionMode):
    """What PyTorch makes of lists there has no numbers; so they are made tensors here, and brought there."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        named = kwargs or {}
        if func is torch.tensor and named.get("device") is not None:
            return func(*args, **{**named, "device": "cpu"}).to(named["device"])
        if func in (Tensor.__getitem__, Tensor.__setitem__) and isinstance(args[0], Far):
            args = (args[0], _index(args[1]), *args[2:])
        return func(*args, **named)


def _index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_index(part) for part in index)
    return torch.tensor(index, dtype=torch.int64).to(FAR) if isinstance(index, list) else index


def _autocast(device: str, *formats: Any, **settings: Any) -> AbstractContextManager[Any]:
    """Nothing there is computed in another format than its own."""
    return nullcontext() if device == FAR.type else torch.amp.autocast(device, *formats, **settings)


def elsewhere() -> ExitStack:
    """A context in which there is such a device."""
    stack = ExitStack()
    for context in (patch("torch.autocast", _autocast), _Lists(), _Operations()):
        stack.enter_context(context)
    return stack


def back(tensor: Tensor) -> Tensor:
    """The numbers of a tensor that lies there."""
    assert isinstance(tensor, Far), "it should lie there"
    return tensor.here
