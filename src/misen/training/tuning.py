"""Tuning: a generator learns a few pictures by its own loss; only what is free learns, and nothing else changes.

Source: Gal et al. 2022 (arXiv:2208.01618), equation 2, when a condition is free; Ruiz et al. 2022 (arXiv:2208.12242),
equation 2, when parameters are, with samples of the class beside the subject; deviation: both have the same share of a
batch, and their weighted errors are averaged, which is half of the published sum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.errors import ConfigError
from misen.core.generator import Generator, Player, Startable, Tunable
from misen.core.seeding import Streams, derive
from misen.core.shapes import Points, Scalar
from misen.training.players import Batches

Conditions = Mapping[str, Condition]
"""By port name."""
Bind = Callable[[Mapping[str, Any]], Conditions]
"""A batch -> the conditions its items are learned under."""


@runtime_checkable
class Learner(Generator, Startable, Tunable, Protocol):
    """A generator that a picture can be shown to and learned by."""


@dataclass(frozen=True)
class Lesson:
    """N pictures, and what they are to be learned under.

    Attributes:
        points: (N, ...) in the generator's space.
        conditions: of N items each.
        weight: of their errors.
    """

    points: Points
    conditions: Conditions
    weight: float = 1.0


class LessonBatches:
    """Batches in which every lesson has the same share; items are drawn anew at each step."""

    def __init__(self, lessons: Sequence[Lesson], batch_size: int, seed: int) -> None:
        if batch_size % len(lessons):
            raise ConfigError(
                f"batch_size {batch_size} cannot be shared equally by subject and prior",
                field="batch_size",
                hint=f"use a multiple of {len(lessons)}",
            )
        self.lessons, self.share, self.seed = lessons, batch_size // len(lessons), seed

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all points."""
        total = hashlib.sha256()
        for lesson in self.lessons:
            total.update(lesson.points.contiguous().numpy().data)
        return total.hexdigest()

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step``: "points", "conditions", "weights" and "seeds"."""
        counts = [len(lesson.points) for lesson in self.lessons]
        drawn = [draw(count, self.share, self.seed, f"{step}/lesson/{k}") for k, count in enumerate(counts)]
        parts = list(zip(self.lessons, drawn, strict=True))
        return {
            "points": torch.cat([lesson.points[items] for lesson, items in parts]),
            "conditions": _join([_some(lesson.conditions, items) for lesson, items in parts]),
            "weights": torch.cat([torch.full((self.share,), lesson.weight) for lesson in self.lessons]),
            "seeds": seeds(self.share * len(parts), self.seed, step),
        }


class TuningPlayer:
    """Batches hold "points" (B, ...), "weights" (B,), "seeds" (B,) and what ``bind`` makes conditions of.

    Args:
        generator: its loss is what is learned by.
        free: the parameters that learn.
        bind: makes the conditions; by default the batch holds them.
    """

    name = "tuning"

    def __init__(self, generator: Tunable, free: Iterable[nn.Parameter], bind: Bind = itemgetter("conditions")) -> None:
        self.generator, self.bind = generator, bind
        self.module: nn.Module = nn.ParameterList(free)

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The mean of the weighted errors."""
        points: Tensor = batch["points"]
        rng = Streams(batch["seeds"].tolist(), "tuning", points.device)
        errors = self.generator.loss(points, self.bind(batch), rng)
        return (errors * batch["weights"]).mean(), {}


def descend(
    player: Player, batches: Batches, *, steps: int, rate: float, exact: Iterable[nn.Parameter] | None = None
) -> None:
    """Let a player learn for a moment, without checkpoints: for what is kept in memory.

    Args:
        player: learns.
        batches: what from.
        steps: updates.
        rate: of learning.
        exact: float32 parameters, where those of the player are copies of them in fewer bits, too few to add an update
            to; both learn. The player's own if left out.
    """
    free = list(player.module.parameters())
    kept = free if exact is None else list(exact)
    copies = [(one, copy) for one, copy in zip(kept, free, strict=True) if one is not copy]
    with learning(player.module), torch.enable_grad():
        optimizer = torch.optim.AdamW(kept, lr=rate, weight_decay=0.0, fused=True)
        for step in range(steps):
            loss, _ = player.loss(batches(step), step)
            loss.backward()
            _collect(copies)
            optimizer.step()
            optimizer.zero_grad()
            _pass_on(copies)


def _collect(copies: Sequence[tuple[nn.Parameter, nn.Parameter]]) -> None:
    """Gradients of copies become those of what they are copies of."""
    for one, copy in copies:
        one.grad = None if copy.grad is None else torch.empty_like(one).copy_(copy.grad)
        copy.grad = None


@torch.no_grad()
def _pass_on(copies: Sequence[tuple[nn.Parameter, nn.Parameter]]) -> None:
    """Copies become what they are copies of, as far as their bits go."""
    for one, copy in copies:
        copy.copy_(one)


@contextmanager
def learning(module: nn.Module) -> Iterator[None]:
    """The parameters of a frozen module learn for the length of a ``with`` block."""
    module.requires_grad_(True)
    try:
        yield
    finally:
        module.requires_grad_(False)


def draw(count: int, size: int, seed: int, purpose: str) -> Tensor:
    """(size,) indices of ``count`` items; each comes as often as the others, give or take one."""
    rng = torch.Generator().manual_seed(derive(seed, purpose))
    rounds = [torch.randperm(count, generator=rng) for _ in range(-(-size // count))]
    return torch.cat(rounds)[:size]


def seeds(size: int, seed: int, step: int) -> Tensor:
    """(size,) int64 seeds of the items of a step."""
    return torch.tensor([derive(seed, f"{step}/{row}") for row in range(size)])


def _some(conditions: Conditions, items: Tensor) -> Conditions:
    return {name: condition[items] for name, condition in conditions.items()}


def _join(parts: Sequence[Conditions]) -> Conditions:
    """Conditions at the same ports, one after another."""
    return {name: _cat([part[name] for part in parts]) for name in parts[0]}


def _cat(parts: Sequence[Condition]) -> Condition:
    masks = [part.mask for part in parts if part.mask is not None]
    value, present = (torch.cat([getattr(part, name) for part in parts]) for name in ("value", "present"))
    return Condition(parts[0].layout, value, present, torch.cat(masks) if masks else None)
