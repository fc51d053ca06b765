"""Twins: copies of a generator that have learned one picture, and generators that answer with their help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from misen.core.condition import Condition
from misen.core.errors import Unreachable
from misen.core.estimate import Estimate
from misen.core.execution import Execution
from misen.core.generator import Executable, Generator, Level, State
from misen.core.shapes import Images, Points
from misen.training.tuning import Conditions, Learner, Lesson, LessonBatches, TuningPlayer, descend

BATCH = 4
"""Predictions per update."""
SEED = 0
"""Of their times and noise."""


@runtime_checkable
class Lowered(Executable, Protocol):
    """Capability: says in how many bits its networks work.

    Attributes:
        dtype: of the numbers inside them.
    """

    dtype: torch.dtype


def learner(generator: Generator) -> Learner:
    """The generator as one that learns; raises ``Unreachable`` if it does not."""
    if not isinstance(generator, Learner):
        raise Unreachable("this generator cannot learn a picture", field="method", hint="use a diffusion model")
    return generator


def encoded(generator: Learner, image: Images) -> Points:
    """The point (1, ...) of one picture (1, 3, H, W), on the generator's device."""
    device = next(generator.network.parameters()).device
    return generator.encode(image.to(device)).detach()


def taught(generator: Learner, point: Points, conditions: Conditions, *, steps: int, rate: float) -> Learner:
    """A copy of a generator all of whose network has learned one point (1, ...) under conditions.

    It works in as many bits as the generator; what is learned is kept in float32 meanwhile, so that nothing is lost.
    """
    exact = generator.twin()
    twin = _in_bits_of(generator, exact)
    player = TuningPlayer(twin, twin.network.parameters())
    lessons = LessonBatches([Lesson(point, conditions)], BATCH, SEED)
    descend(player, lessons, steps=steps, rate=rate, exact=exact.network.parameters())
    return twin


def _in_bits_of(generator: Generator, twin: Learner) -> Learner:
    """A twin as it was built, or a copy of it that works in bfloat16 if the generator does."""
    if isinstance(generator, Lowered) and isinstance(twin, Executable) and generator.dtype == torch.bfloat16:
        return twin.executed(Execution("bfloat16"))
    return twin


class Beside:
    """The answers of a generator, the guided ones mixed with its twin's during a part of the walk.

    Args:
        generator: answers where nothing is given, and late.
        learned: its twin, which answers under no condition.
        share: of its twin, in [0, 1].
        window: the part of the walk, as fractions; its end is exclusive.
    """

    def __init__(self, generator: Generator, learned: Generator, share: float, window: tuple[float, float]) -> None:
        self.generator, self.learned, self.share, self.window = generator, learned, share, window

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate, moved towards the twin's where something is given."""
        plain = self.generator.predict(state, level, conditions)
        given = any(bool(condition.present.any()) for condition in conditions.values())
        if not self.window[0] <= level.progress < self.window[1] or not given:
            return plain
        other = self.learned.predict(state, level, {})
        return plain.at((1 - self.share) * plain.point + self.share * other.point)


class Interpolated:
    """The answers of a generator that is told something between two conditions when it is told the second.

    Args:
        generator: answers.
        best: by port, of one item each: the conditions at 0.
        target: by port, of one item each: the conditions at 1, which others give.
        eta: how far from ``best`` to ``target``.
    """

    def __init__(self, generator: Generator, best: Conditions, target: Conditions, eta: float) -> None:
        self.generator, self.best, self.target, self.eta = generator, best, target, eta

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate under the conditions between."""
        moved = {port: self._moved(port, condition) for port, condition in conditions.items()}
        return self.generator.predict(state, level, moved)

    def _moved(self, port: str, given: Condition) -> Condition:
        """A condition as it is, unless it is the target's; what is to be avoided stays so."""
        if port not in self.target or not _same(given.value, self.target[port].value):
            return given
        value = self.best[port].value.lerp(self.target[port].value, self.eta)
        return replace(given, value=value.expand_as(given.value))


def _same(many: Tensor, one: Tensor) -> bool:
    """Whether every item of ``many`` (B, ...) is ``one`` (1, ...)."""
    return many.shape[1:] == one.shape[1:] and bool((many == one).all())
