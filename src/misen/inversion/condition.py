"""Condition: what a generator would have to be told to make a given picture, sought while the generator stays as it is.

Source: Kawar et al. 2022 (arXiv:2210.09276), section 3.2, step A; deviation: any condition of a native port is free,
not that of words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from misen.core.generator import Tunable
from misen.core.shapes import Points
from misen.training.tuning import Conditions, Lesson, LessonBatches, TuningPlayer, descend


def invert_condition(
    generator: Tunable,
    point: Points,
    conditions: Conditions,
    *,
    steps: int,
    rate: float,
    batch_size: int = 4,
    seed: int = 0,
) -> Conditions:
    """The conditions under which ``generator`` comes closest to one picture.

    Args:
        generator: frozen.
        point: (1, ...) the picture, as ``Startable.encode`` makes it.
        conditions: where the search begins, by port name, of one item each.
        steps: updates.
        rate: of learning.
        batch_size: predictions per update.
        seed: of their times and noise.
    """
    free = {port: nn.Parameter(given.value.detach().clone()) for port, given in conditions.items()}

    def bind(batch: Mapping[str, Any]) -> Conditions:
        return {port: replace(conditions[port], value=value).repeat(batch_size) for port, value in free.items()}

    lessons = LessonBatches([Lesson(point, {})], batch_size, seed)
    descend(TuningPlayer(generator, free.values(), bind), lessons, steps=steps, rate=rate)
    return {port: replace(conditions[port], value=value.detach()) for port, value in free.items()}
