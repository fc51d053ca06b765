"""The samplers: one token after another, or the surest first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.errors import InputError, brief, closest
from misen.core.generator import Level, Predict, Sampler
from misen.core.seeding import Streams
from misen.generators.autoregressive.schedule import SCHEDULES, USUAL, decided, left
from misen.generators.autoregressive.state import TokenState
from misen.generators.autoregressive.tokens import grid_of
from misen.nn.categorical import Choice


@dataclass(frozen=True)
class Raster:
    """Decides token after token, row by row; as many in each step as make the walk end with the last.

    Attributes:
        steps: of the walk.
        cells: of the pictures, for those of the model's own size.
        choice: among which codes is drawn.
        name: with its options.
    """

    steps: int
    cells: int
    choice: Choice = field(default_factory=Choice)
    name: str = "raster"
    options: ClassVar[tuple[str, ...]] = ()

    @property
    def stages(self) -> int:
        """Predictions of a step."""
        return math.ceil(self.cells / self.steps)

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """As many as there are steps."""
        return _evenly(self.steps)

    def step(self, state: TokenState, level: Level, predict: Predict, rng: Streams) -> TokenState:
        """The next tokens; a step in which there is none to decide asks once, as every step does."""
        count = int(state.free.flatten(1).any(0).sum())
        done, due = (decided(progress, count) for progress in (level.progress, _after(level, self.steps)))
        for chance in rng.uniform(max(1, due - done)).unbind(1):
            point = predict(state, level).point
            if due > done:
                state = self._decide(state, point, chance)
        return state

    def _decide(
        self, state: TokenState, point: Float[Tensor, "batch codes _rows _columns"], chance: Float[Tensor, " batch"]
    ) -> TokenState:
        """The token of the next cell, from logits for every cell or from one column that stands for it."""
        rows, columns = grid_of(state.tokens)
        row, column = divmod(state.next, columns)
        drawn = self.choice.draw(point.expand(-1, -1, rows, columns)[:, :, row, column], chance)
        here = torch.zeros_like(state.free)
        here[:, row, column] = True
        return state.decide(drawn[:, None, None].expand_as(here), here)


@dataclass(frozen=True)
class Masked:
    """Draws all tokens at once, keeps those it is surest of, and draws the others again in the light of these.

    Source: Chang et al. 2022 (arXiv:2202.04200), section 3.2; how sure it is, is disturbed by noise that fades.

    Attributes:
        steps: of the walk.
        cells: of the pictures, for those of the model's own size.
        choice: among which codes is drawn.
        noise: added to the logarithms of probabilities at the beginning; none is left at the end.
        schedule: name of how many tokens are undecided as the walk goes on.
        name: with its options.
    """

    steps: int
    cells: int
    choice: Choice = field(default_factory=Choice)
    noise: float = 4.5
    schedule: str = USUAL
    name: str = "masked"
    options: ClassVar[tuple[str, ...]] = ("noise", "schedule")

    def __post_init__(self) -> None:
        if not 0 <= self.noise < math.inf:
            raise InputError(f"noise must be a number from 0, got {brief(self.noise)}", field="noise")
        if self.schedule not in SCHEDULES:
            hint = closest(str(self.schedule), SCHEDULES)
            raise InputError(f"there is no schedule {brief(self.schedule)}", field="schedule", hint=hint)

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """As many as there are steps."""
        return _evenly(self.steps)

    def step(self, state: TokenState, level: Level, predict: Predict, rng: Streams) -> TokenState:
        """As many tokens as the schedule wants decided by now."""
        after, undecided = _after(level, self.steps), state.undecided
        chances = rng.uniform(2, *grid_of(state.tokens))
        scores = predict(state, level).point.expand(-1, -1, *grid_of(state.tokens)).movedim(1, -1)
        tokens = self.choice.draw(scores, chances[:, 0])
        sure = scores.float().log_softmax(-1).gather(-1, tokens[..., None]).squeeze(-1)
        sure = sure + self.noise * (1 - after) * _gumbel(chances[:, 1])
        due = undecided.sum((1, 2)) - left(self.schedule, after, state.free.sum((1, 2)))
        order = sure.masked_fill(~undecided, -math.inf).flatten(1).argsort(dim=1, descending=True, stable=True)
        return state.decide(tokens, order.argsort(1).view_as(tokens) < due[:, None, None])


def _evenly(steps: int) -> Sequence[Level]:
    return [Level(index / steps) for index in range(steps)]


def _after(level: Level, steps: int) -> float:
    """How much of a walk is done after the step at a level."""
    return (round(level.progress * steps) + 1) / steps


def _gumbel(chances: Tensor) -> Tensor:
    """Gumbel noise of uniform numbers."""
    return -(-chances.clamp(min=1e-9).log()).log()


class Samplers(Mapping[str, Callable[[int], Sampler]]):
    """Samplers by a name, and options behind it: ``raster:temperature=0.9,top_k=100``.

    Args:
        names: of those that there are.
        cells: of the pictures.
        codes: of the codebook, among which is drawn.
    """

    def __init__(self, names: Sequence[str], cells: int, codes: int) -> None:
        self.names, self.cells, self.codes = names, cells, codes

    def __getitem__(self, name: str) -> Callable[[int], Sampler]:
        """The sampler; raises ``KeyError`` for an unknown name, and ``InputError`` for options that make no sense."""
        word, _, told = name.partition(":")
        if word not in self.names:
            raise KeyError(name)
        kind = KINDS[word]
        given = _options(word, told, [*(one.name for one in fields(Choice)), *kind.options])
        own = {option: given.pop(option) for option in kind.options if option in given}
        choice = Choice(**given)
        choice.check(self.codes)
        make = partial(kind, cells=self.cells, choice=choice, name=name, **own)
        make(1)  # refuses options of its own that make no sense
        return make

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


KINDS: Mapping[str, Any] = {"raster": Raster, "masked": Masked}
VALUES: Mapping[str, tuple[Callable[[str], int | float | str], str]] = {
    "temperature": (float, "a number"),
    "top_k": (int, "a whole number"),
    "top_p": (float, "a number"),
    "noise": (float, "a number"),
    "schedule": (str, "a word"),
}
"""How the value of each option is read, and what it has to be."""


def _options(word: str, told: str, accepted: Sequence[str]) -> dict[str, Any]:
    """The values in ``key=value,...``; raises ``InputError`` for other keys, and for what is no such value."""
    given = {}
    for key, _, text in (pair.partition("=") for pair in told.split(",") if pair):
        if key not in accepted:
            hint = closest(key, accepted)
            raise InputError(f"sampler {word} has no option {brief(key)}", field="sampler", hint=hint)
        read, what = VALUES[key]
        try:
            given[key] = read(text)
        except ValueError:
            raise InputError(f"{key} must be {what}, got {brief(text)}", field=key) from None
    return given
