"""A rehearsal: a computation run on tensors that have a shape and no content, to learn what it would take."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import TreeSpec, tree_flatten, tree_leaves, tree_unflatten
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
"""Attention without its matrix, of which PyTorch's own count knows nothing."""


def stage() -> FakeTensorMode:
    """Where networks are built that take no memory; real tensors that meet theirs are taken for empty ones."""
    return FakeTensorMode(allow_non_fake_inputs=True)


@dataclass(frozen=True)
class Blank:
    """What is known of a tensor from outside."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, tensor: Tensor) -> Blank:
        """The outside of ``tensor``."""
        return cls(tuple(tensor.shape), tensor.stride(), tensor.dtype, tensor.device)

    @property
    def bytes(self) -> int:
        """Of memory."""
        return self._length * self.dtype.itemsize

    def filled(self) -> Tensor:
        """A real tensor like it: ones, or zeros where only whole numbers fit, which are valid as indices."""
        fill = 1 if self.dtype.is_floating_point else 0
        flat = torch.full((self._length,), fill, dtype=self.dtype, device=self.device)
        return flat.as_strided(self.shape, self.strides)

    @property
    def _length(self) -> int:
        """Of the memory that the strides reach."""
        if 0 in self.shape:
            return 0
        return 1 + sum((extent - 1) * stride for extent, stride in zip(self.shape, self.strides, strict=True))


@dataclass(frozen=True)
class Call:
    """An operation on tensors of certain shapes.

    Attributes:
        operation: of PyTorch.
        leaves: its arguments one after another, with blanks for tensors.
        structure: how they are nested.
        flops: floating-point operations, 0 for what only moves numbers.
        bytes: read and written.
    """

    operation: OpOverload
    leaves: tuple[Any, ...]
    structure: TreeSpec
    flops: int = field(compare=False)
    bytes: int = field(compare=False)

    @property
    def work(self) -> int:
        """What its time grows with."""
        return self.flops or self.bytes

    def arguments(self) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Real ones."""
        leaves = [leaf.filled() if isinstance(leaf, Blank) else leaf for leaf in self.leaves]
        positional, named = tree_unflatten(leaves, self.structure)
        return positional, named


class Rehearsal(TorchDispatchMode):
    """A context that watches what is computed inside.

    Attributes:
        calls: how often each call was made; those that only look at a tensor otherwise are left out.
        peak: bytes of tensors made inside, at the moment when most of them were in use.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[Call] = Counter()
        self.peak = self._held = 0

    def __enter__(self) -> Rehearsal:
        """Watch from here on."""
        super().__enter__()
        return self

    @property
    def flops(self) -> int:
        """Floating-point operations of all calls."""
        return sum(count * call.flops for call, count in self.calls.items())

    def __torch_dispatch__(
        self, func: OpOverload, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do as asked, and take note of it."""
        named = kwargs or {}
        result = func(*args, **named)
        if func.namespace != "prim":
            self._note(func, (args, named), result)
        return result

    def _note(self, operation: OpOverload, given: tuple[Any, Mapping[str, Any]], result: Any) -> None:
        leaves, structure = tree_flatten(given)
        inputs, made = _tensors(leaves), _tensors(tree_leaves(result))
        places = {tensor.untyped_storage()._cdata for tensor in inputs}
        fresh = [tensor for tensor in made if tensor.untyped_storage()._cdata not in places]
        if not fresh and not operation._schema.is_mutable:
            return
        for tensor in fresh:
            self._hold(tensor.untyped_storage())
        outside = tuple(Blank.of(leaf) if isinstance(leaf, Tensor) else leaf for leaf in leaves)
        touched = sum(leaf.bytes for leaf in outside if isinstance(leaf, Blank))
        touched += sum(Blank.of(tensor).bytes for tensor in fresh)
        self.calls[Call(operation, outside, structure, _flops(operation, given, result), touched)] += 1

    def _hold(self, storage: torch.UntypedStorage) -> None:
        """Count a piece of memory until nothing needs it."""
        size = storage.nbytes()
        self._held += size
        self.peak = max(self.peak, self._held)
        weakref.finalize(storage, self._drop, size)

    def _drop(self, size: int) -> None:
        self._held -= size


def _tensors(leaves: Sequence[Any]) -> list[Tensor]:
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


def _flops(operation: OpOverload, given: tuple[Any, Mapping[str, Any]], result: Any) -> int:
    args, named = given
    packet = operation.overloadpacket
    if packet is ATTENTION:
        return int(sdpa_flop_count(*(tensor.shape for tensor in args[:3])))
    return int(flop_registry[packet](*args, **named, out_val=result)) if packet in flop_registry else 0
