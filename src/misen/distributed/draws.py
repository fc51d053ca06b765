"""Random numbers of a whole batch, of which each process keeps its rows, so that two processes draw what one would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from misen.distributed.launch import Team

LIKE = {torch.randn_like: torch.randn, torch.rand_like: torch.rand}


def whole_batch_draws(share: int, team: Team) -> AbstractContextManager[object]:
    """While active, ``torch.rand``, ``randn``, ``randint`` and their ``_like`` forms draw for the whole batch.

    It applies to draws from the global generator whose first dimension is ``share``, this process's part of the batch.
    Other draws are equal on every process. A team of one draws as always.
    """
    return nullcontext() if team.size == 1 else _WholeBatchDraws(share, team)


class _WholeBatchDraws(TorchFunctionMode):

    def __init__(self, share: int, team: Team) -> None:
        super().__init__()
        self.share, self.team = share, team

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        if func in LIKE:
            options = {"dtype": args[0].dtype, "device": args[0].device, **kwargs}
            return self._draw(LIKE[func], (), tuple(args[0].shape), options)
        if func in (torch.randn, torch.rand, torch.randint):
            return self._draw(func, *_bounds_and_shape(func, args, kwargs), kwargs)
        return func(*args, **kwargs)

    def _draw(
        self, func: Callable[..., Tensor], bounds: tuple[int, ...], shape: tuple[int, ...], options: Mapping[str, Any]
    ) -> Tensor:
        if not shape or shape[0] != self.share:
            return func(*bounds, shape, **options)
        start = self.team.rank * self.share
        whole = func(*bounds, (self.share * self.team.size, *shape[1:]), **options)
        return whole[start : start + self.share].clone()


def _bounds_and_shape(
    func: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """``randint``'s bounds and the shape of a call; takes both out of ``options``."""
    size = options.pop("size", None)
    if func is torch.randint:
        named = tuple(options.pop(name) for name in ("low", "high") if name in options)
        positional = tuple(args) if size else tuple(args[:-1])
        return positional + named, tuple(size or args[-1])
    shape = size if size is not None else args
    return (), tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else tuple(shape)
