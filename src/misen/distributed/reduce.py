"""Agreement between the processes of a team: averaged gradients, one clock, and equality before the first step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from misen.core.errors import DistributedError
from misen.distributed.launch import Team


def average(tensors: Sequence[Tensor], team: Team) -> None:
    """Replace every tensor by its mean over the team, in one exchange."""
    if team.size == 1:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    torch.distributed.all_reduce(flat)
    flat /= team.size
    for tensor, mean in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def anywhere(flags: Sequence[bool], team: Team) -> list[bool]:
    """Which of the flags, one list of the same length per process, are set on any of them."""
    if team.size == 1:
        return list(flags)
    shared = torch.tensor(flags, dtype=torch.int32, device=team.device)
    torch.distributed.all_reduce(shared, torch.distributed.ReduceOp.MAX)
    return shared.bool().tolist()


def agree(value: float, team: Team) -> float:
    """The first process's ``value``, everywhere."""
    if team.size == 1:
        return value
    shared = torch.tensor(value, dtype=torch.float64, device=team.device)
    torch.distributed.broadcast(shared, 0)
    return float(shared)


def wait(team: Team) -> None:
    """Go on when everybody has come this far."""
    if team.size > 1:
        torch.distributed.barrier()


def require_equal(values: Mapping[str, str], team: Team) -> None:
    """Make sure that all processes run the same thing.

    Raises:
        DistributedError: a process has another value; names every key and rank that differs.
    """
    if team.size == 1:
        return
    gathered = _gather(values, team)
    different = [
        f"{key} on rank {rank}"
        for rank, theirs in enumerate(gathered)
        for key in sorted({*gathered[0], *theirs})
        if theirs.get(key) != gathered[0].get(key)
    ]
    if different:
        raise DistributedError(
            f"the processes do not run the same thing; other than on rank 0: {', '.join(different)}",
            hint="start every process with the same code, configuration and data",
        )


def _gather(values: Mapping[str, str], team: Team) -> list[dict[str, str]]:
    """Everybody's ``values``, by rank; they travel as JSON."""
    text = torch.frombuffer(bytearray(json.dumps(dict(values)).encode()), dtype=torch.uint8).to(team.device)
    lengths = [torch.zeros(1, dtype=torch.int64, device=team.device) for _ in range(team.size)]
    torch.distributed.all_gather(lengths, torch.tensor([len(text)], device=team.device))
    longest = int(max(lengths))
    texts = [torch.zeros(longest, dtype=torch.uint8, device=team.device) for _ in range(team.size)]
    torch.distributed.all_gather(texts, torch.nn.functional.pad(text, (0, longest - len(text))))
    return [json.loads(bytes(t[: int(n)].tolist())) for t, n in zip(texts, lengths, strict=True)]
