"""Who takes part in this run: one process, or several started by ``accelerate launch`` or ``torchrun``."""

from __future__ import annotations

import atexit
from dataclasses import dataclass
from functools import cache

import torch
import torch.distributed.nn  # before a group exists: its functions keep the one they find as a default, and alive
from accelerate import PartialState


@dataclass(frozen=True)
class Team:
    """The processes of a run, seen from one of them.

    Attributes:
        rank: which one this is, 0 <= rank < size.
        size: how many there are.
        device: where this one computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0


def team(threads: int | None = None) -> Team:
    """Join the processes that the environment announces; alone, the team has one member.

    Args:
        threads: CPU threads of this process, or None to leave them as they are.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    state = _join()
    return Team(state.process_index, state.num_processes, state.device)


@cache
def _join() -> PartialState:
    """Meet the others, once; take leave of them at the end.

    The group's threads give back tensors, for which they need the interpreter: one that outlives it aborts the process.
    Destroying the group waits for its threads, provided that nobody else holds it.
    """
    state = PartialState(cpu=not torch.cuda.is_available())
    atexit.register(state.destroy_process_group)
    return state
