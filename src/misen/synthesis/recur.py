"""Recur: take each guided step several times, so that the network mends what the energies have pulled out of shape.

Source: Bansal et al. 2023, universal guidance (arXiv:2302.07121), algorithm 1 ("per-step self-recurrence"), after
Lugmayr et al. 2022, RePaint (arXiv:2201.09865), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from misen.core.generator import Level, Predict, Returning, Sampler, State
from misen.core.seeding import Streams
from misen.synthesis.correct import Pull


class Recurrent:
    """A sampler whose guided steps are taken, taken back and taken again.

    Args:
        sampler: takes the steps and takes them back.
        pulls: what guides, and when; the one that wants most recurrences has them.
    """

    def __init__(self, sampler: Sampler, pulls: Sequence[Pull]) -> None:
        self.sampler, self.pulls, self.name = sampler, pulls, sampler.name

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """The sampler's."""
        return self.sampler.levels(guided=guided)

    def step(self, state: State, level: Level, predict: Predict, rng: Streams) -> State:
        """One step, the last of several where anything pulls."""
        assert isinstance(self.sampler, Returning), "the planner refuses other samplers"
        times = max((pull.how.recurrences for pull in self.pulls if pull.acts_at(level)), default=1)
        for _ in range(times - 1):
            state = self.sampler.back(self.sampler.step(state, level, predict, rng), level, rng)
        return self.sampler.step(state, level, predict, rng)


def recurrent(sampler: Sampler, pulls: Sequence[Pull]) -> Sampler:
    """``sampler`` with each guided step taken as often as the guidances want."""
    return Recurrent(sampler, pulls) if any(pull.how.recurrences > 1 for pull in pulls) else sampler
