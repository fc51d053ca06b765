"""Editing by places: a picture is what it shows, as a point of a joint embedding, and can be made from there anew.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from misen.core.condition import Condition
from misen.core.errors import Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Level, Sampler, State, answering
from misen.core.shapes import Images, Vectors
from misen.synthesis import Plan
from misen.synthesis.plan import cost


@runtime_checkable
class Placing(Protocol):
    """Capability: can be told what to show as a place, a unit vector of a joint embedding."""

    def place(self, images: Images) -> Vectors:
        """(B, D) unit vectors, the places of pictures (B, 3, H, W) in [-1, 1]."""
        ...

    def read(self, prompts: Sequence[str]) -> Vectors:
        """(B, D) unit vectors, the places of prompts."""
        ...

    def told(self, places: Vectors) -> Mapping[str, Condition]:
        """The conditions by port under which pictures at places (B, D) are foreseen."""
        ...


def placing(generator: Generator) -> Placing:
    """The generator as one that can be told places; raises ``Unreachable`` if it cannot."""
    if not isinstance(generator, Placing):
        hint = "use a model that `misen train configs/diffusion/unclip_decoder.toml` makes"
        raise Unreachable("this generator shows no places of an embedding", field="method", hint=hint)
    return generator


def show(generator: Generator, place: Vectors, plan: Plan, *, alone: bool = False) -> Generator:
    """A generator that is told a place (1, D) wherever it is told something, and guided to it if that is nowhere.

    Args:
        generator: can be told places.
        place: to be shown; (B, D) for as many pictures shows each its own.
        plan: what else it is told, and the guidance scale.
        alone: whether it is told the place in place of everything else, not beside it.
    """
    conditions = placing(generator).told(place)
    shown = _Shown(generator, conditions, None if _extrapolates(plan) else plan.scale, alone=alone)
    return answering(generator, shown.predict)


def extrapolations(plan: Plan, sampler: Sampler) -> Mapping[str, int]:
    """Estimated evaluations per picture by which ``show`` guides where the plan does not, by what they are for."""
    asked, _ = cost(plan, sampler)
    return {} if _extrapolates(plan) or plan.scale == 1 else {"guidance to the place": asked}


def _extrapolates(plan: Plan) -> bool:
    """Whether the generator is told something anyway, from which guidance extrapolates."""
    return any(decision.port for decision in plan.decisions)


class _Shown:
    """The answers of a generator that is told a place; extrapolated by ``scale`` unless the caller does so."""

    def __init__(
        self, generator: Generator, place: Mapping[str, Condition], scale: float | None, *, alone: bool
    ) -> None:
        self.generator, self.place, self.scale, self.alone = generator, place, scale, alone

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate."""
        if self.scale is not None:
            return self._guided(state, level, self.scale)
        return self._told(state, level, conditions) if conditions else self.generator.predict(state, level, {})

    def _guided(self, state: State, level: Level, scale: float) -> Estimate:
        """As classifier-free guidance has it."""
        told = self._told(state, level, {})
        if scale == 1:
            return told
        null = self.generator.predict(state, level, {}).point
        return told.at(null + scale * (told.point - null))

    def _told(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        items = len(state.value)
        place = {port: condition.repeat(items // len(condition)) for port, condition in self.place.items()}
        return self.generator.predict(state, level, place if self.alone else {**conditions, **place})


def slerp(first: Vectors, second: Vectors, share: float) -> Vectors:
    """(B, D): the unit vectors at ``share`` in [0, 1] of the arc from one to another, (B, D) each.

    Source: Shoemake 1985, "Animating rotation with quaternion curves", section 3.3.
    """
    angle = (first * second).sum(1, keepdim=True).clamp(-1, 1).acos()
    weights = [torch.where(angle > 0, (part * angle).sin() / angle.sin(), part) for part in (1 - share, share)]
    between: Tensor = weights[0] * first + weights[1] * second
    return between
