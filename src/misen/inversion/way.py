"""Way: a plan's walk as a path that can be taken in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from misen.core.errors import Unreachable
from misen.core.generator import Generator, Level, Predict, Reversible, Sampler, Startable, State
from misen.core.seeding import Streams
from misen.core.shapes import Images
from misen.synthesis.loop import guide
from misen.synthesis.plan import Plan

Watch = Callable[[float], None]
"""Told which fraction of the work is done, in [0, 1]; may raise ``Cancelled``."""


def unwatched(fraction: float) -> None:
    """Nobody waits."""


@dataclass(frozen=True)
class Way:
    """The levels of a walk and what is foreseen along it.

    Attributes:
        generator: encodes and shows pictures.
        sampler: steps forwards and backwards.
        predict: the generator under the plan.
        levels: in the order of sampling.
        rng: one stream per picture; a reversible sampler draws nothing from it.
    """

    generator: Any
    sampler: Any
    predict: Predict
    levels: Sequence[Level]
    rng: Streams

    @classmethod
    def of(cls, generator: Generator, sampler: Sampler, plan: Plan, batch: int, device: torch.device | str) -> Way:
        """The way of ``batch`` pictures under a plan.

        Raises:
            Unreachable: the generator cannot begin from a picture, the sampler cannot go back, or an energy guides.
        """
        require(generator, sampler, plan)
        rng = Streams([0] * batch, device=device)
        predict = guide(generator, sampler, plan, [], rng)
        return cls(generator, sampler, predict, sampler.levels(guided=False), rng)

    def encode(self, image: Images) -> State:
        """The state at the end of the way that shows ``image`` (B, 3, H, W)."""
        return self.generator.restart(self.generator.encode(image.to(self.rng.device)), None, self.rng)

    def back(self, end: State, refinements: int, watch: Watch = unwatched) -> tuple[State, ...]:
        """The states before each level and the ``end`` they lead to; asks ``1 + refinements`` times per level."""
        trajectory = [end]
        for done, level in enumerate(reversed(self.levels), 1):
            trajectory.append(self._before(trajectory[-1], level, refinements))
            watch(done / len(self.levels))
        return tuple(reversed(trajectory))

    def forth(self, state: State) -> State:
        """Where sampling from a state at the first level ends."""
        for level in self.levels:
            state = self.sampler.step(state, level, self.predict, self.rng)
        return state

    def _before(self, state: State, level: Level, refinements: int) -> State:
        """The state from which the step at ``level`` leads to ``state``: a fixed point, sought from ``state`` on."""
        guess = state
        for _ in range(1 + refinements):
            guess = self.sampler.reverse(state, level, self.predict, guess)
        return guess


def require(generator: Generator, sampler: Sampler, plan: Plan) -> None:
    """Raise ``Unreachable`` unless a picture can be walked back under ``plan``."""
    if not isinstance(generator, Startable):
        raise Unreachable("this generator cannot begin from a picture", field="model", hint="use another model")
    if not isinstance(sampler, Reversible):
        raise Unreachable(f"the sampler {sampler.name} has no way back", field="sampler", hint="ddim has one")
    require_unguided(plan)


def require_unguided(plan: Plan) -> None:
    """Raise ``Unreachable`` if an energy guides, which would move what is looked for."""
    if plan.guided:
        pulled = ", ".join(d.guidance.modality for d in plan.decisions if d.route == "consistency")
        raise Unreachable(
            f"a picture cannot be inverted under guidance by consistency ({pulled})",
            field="guidance",
            hint="leave it out here, and guide the edit with it",
        )
