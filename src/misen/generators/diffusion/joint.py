"""Joint: several sets of conditions as one, so that a network answers under all of them in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from misen.core.condition import Condition

Conditions = Mapping[str, Condition]
"""By port."""


def joint(asked: Sequence[Conditions]) -> Conditions | None:
    """One set for a batch that holds its items once per set, in the order of the sets.

    Where a set lacks a condition that another has, its items have the null condition. None if the sets hold conditions
    of one port that differ in more than their values.
    """
    names = dict.fromkeys(name for given in asked for name in given)
    stacks = {name: _filled([given.get(name) for given in asked]) for name in names}
    if any(_kind(condition) != _kind(stack[0]) for stack in stacks.values() for condition in stack):
        return None
    return {name: _stacked(stack) for name, stack in stacks.items()}


def _filled(conditions: Sequence[Condition | None]) -> list[Condition]:
    """Conditions of one port, with null conditions in the gaps."""
    some = next(condition for condition in conditions if condition is not None)
    null = some.where(torch.zeros_like(some.present))
    return [null if condition is None else condition for condition in conditions]


def _kind(condition: Condition) -> tuple[object, ...]:
    """What conditions must share to stand in one batch."""
    return condition.layout, condition.value.shape, condition.mask is None, condition.strength


def _stacked(conditions: Sequence[Condition]) -> Condition:
    first = conditions[0]
    value, present = (torch.cat([getattr(one, name) for one in conditions]) for name in ("value", "present"))
    masks = [condition.mask for condition in conditions if condition.mask is not None]
    return replace(first, value=value, present=present, mask=torch.cat(masks) if masks else None)
