"""How long calls take on this machine: the heaviest are made with real tensors, the rest are judged by their like."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping

import torch
from torch._ops import OpOverload

from misen.nn.rehearsal import Call
from misen.nn.room import Burden

BUDGET = 4.0
"""Seconds after which only operations are tried that were not tried at all."""
SHORTEST = 0.01
"""Seconds over which a call is repeated."""
SAMPLE = 1 << 26
"""Bytes of a file that are read to judge the rest."""


@torch.no_grad()
def seconds(calls: Mapping[Call, int], budget: float = BUDGET) -> float:
    """Wall seconds of all calls, each as often as it says.

    What is not tried is taken to be as fast, for its work, as all that was tried of the same operation.
    """
    taken = dict(_tried(calls, budget))
    paces = _paces(taken)
    return sum(
        count * (taken[call] if call in taken else paces[call.operation] * call.work) for call, count in calls.items()
    )


def opening(burden: Burden) -> float:
    """Wall seconds in which networks are read, hashed, brought to float32 and searched for what is not finite."""
    if not burden.files:
        return 0.0
    begin = time.perf_counter()
    with burden.files[0].open("rb") as stream:
        sample = stream.read(SAMPLE)
    hashlib.sha256(sample).digest()
    read = time.perf_counter()
    numbers = torch.ones(len(sample) // torch.float32.itemsize, dtype=torch.float16).float()
    torch.isfinite(numbers).all()
    looked = time.perf_counter()
    return (burden.stored * (read - begin) + burden.opened * (looked - read)) / len(sample)


def _tried(calls: Mapping[Call, int], budget: float) -> Iterator[tuple[Call, float]]:
    """Calls with their seconds, those first that make up most of the work."""
    end, known = time.perf_counter() + budget, set[OpOverload]()
    for call in sorted(calls, key=lambda call: -calls[call] * call.work):
        if time.perf_counter() < end or call.operation not in known:
            known.add(call.operation)
            yield call, _seconds(call)


def _seconds(call: Call) -> float:
    """Median over a few times, after one that prepares memory and kernels."""
    positional, named = call.arguments()
    times: list[float] = []
    call.operation(*positional, **named)
    while sum(times) < SHORTEST:
        begin = time.perf_counter()
        call.operation(*positional, **named)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _paces(taken: Mapping[Call, float]) -> dict[OpOverload, float]:
    """Seconds per work of each operation."""
    spent, work = defaultdict[OpOverload, float](float), defaultdict[OpOverload, int](int)
    for call, time_taken in taken.items():
        spent[call.operation] += time_taken
        work[call.operation] += call.work
    return {operation: spent[operation] / max(work[operation], 1) for operation in spent}
