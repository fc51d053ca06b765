"""Correct: pull the estimate down the gradient of energies of the picture it decodes to.

Source: He et al. 2023, MPGD (arXiv:2311.16424), algorithm 1, for gradients at what the network foresees; Bansal et al.
2023, universal guidance (arXiv:2302.07121), algorithm 1, for several gradients a step and for those through the
network; Patashnik et al. 2021, StyleCLIP (arXiv:2103.17249), section 4; Polyak 1969 ("Minimization of unsmooth
functionals"), for lengths that vanish with the energy; deviation: moves have a greatest length that depends on where
the walk is and not on the gradient, so one strength serves all families and energies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from misen.core.energy import Disagreement, Energy
from misen.core.errors import Unreachable
from misen.core.estimate import Estimate
from misen.core.generator import Level, Movable, Predict, Sampler, State
from misen.core.guidance import Consistency, Guidance
from misen.core.seeding import Streams
from misen.core.shapes import PerItem, Points
from misen.core.signal import Signal
from misen.core.view import View
from misen.synthesis.schedule import reach


@dataclass
class Pull:
    """One guidance as an energy measures it; it begins to measure when its window opens.

    Attributes:
        energy: what measures.
        signal: the wish, one item per image.
        guidance: for the strength, the window and the options of consistency.
        values: (B,) the last disagreement, for the trace; None before the window opens.
        slopes: energies (B,) and their gradients (B, ...) of the last step in which any were taken, one pair each time.
    """

    energy: Energy
    signal: Signal
    guidance: Guidance
    values: PerItem | None = None
    slopes: list[tuple[PerItem, Points]] = field(default_factory=list, repr=False)
    _disagreement: Disagreement | None = field(default=None, repr=False)
    _progress: float = math.nan
    _steps: int = -1

    @property
    def mean(self) -> float:
        """The last disagreement averaged over the batch; NaN before the window opens."""
        return math.nan if self.values is None else float(self.values.mean())

    @property
    def how(self) -> Consistency:
        """How estimates are moved."""
        return self.guidance.consistency

    @property
    def share(self) -> float:
        """Of what strength 1 reaches, how far each gradient leads: all of them together as far as the strength says."""
        return self.guidance.strength / self.how.gradients

    def acts_at(self, level: Level) -> bool:
        """Whether it moves anything at ``level``."""
        return self.guidance.strength != 0 and self.guidance.acts_at(level.progress)

    def renews(self, level: Level) -> bool:
        """Whether gradients are taken at ``level``, at which it acts; else the last ones lead on."""
        if level.progress != self._progress:
            self._progress, self._steps = level.progress, self._steps + 1
        return self._steps % self.how.interval == 0

    def measure(self, view: View) -> PerItem:
        """The disagreement (B,) of a view."""
        if self._disagreement is None:
            self._disagreement = self.energy.begin(self.signal, replace(view, image=view.image.detach()))
        value = self._disagreement(view)
        self.values = value.detach()
        return value


def correct(predict: Predict, pulls: Sequence[Pull], sampler: Sampler, augment: Streams) -> Predict:
    """``predict`` with its estimate moved against the gradient of every active energy.

    Args:
        predict: what to wrap.
        pulls: the energies; each moves the estimate by ``strength`` times what ``reach`` says, or less where its
            energy would vanish before.
        sampler: owns how far that is at a level.
        augment: randomness for energies that look at altered copies.

    Raises:
        Unreachable: when a prediction is asked for, if gradients are to pass through a network that they cannot pass.
    """

    def corrected(state: State, level: Level) -> Estimate:
        active = [pull for pull in pulls if pull.acts_at(level)]
        if not active:
            return predict(state, level)
        fresh = [pull for pull in active if pull.renews(level)]
        source, estimate = _opened(predict, state, level, any(pull.how.through for pull in fresh))
        start = estimate.point.detach()
        moved, length = torch.zeros_like(start), reach(sampler, level, start)
        for turn in range(max(pull.how.gradients for pull in active)):
            _renew([pull for pull in fresh if turn < pull.how.gradients], turn, source, estimate, moved, level, augment)
            for pull in (pull for pull in active if turn < pull.how.gradients):
                values, gradient = pull.slopes[turn]
                moved = moved - descent(gradient, values, pull.share * length)
        return replace(estimate, point=start + moved, guess=start)

    return corrected


def _opened(predict: Predict, state: State, level: Level, through: bool) -> tuple[Points, Estimate]:
    """The estimate, and where gradients lead to: the tensor of the state it is made from, or its own point."""
    if not through:
        estimate = predict(state, level)
        point = estimate.point.detach().requires_grad_()
        return point, estimate.at(point)
    if not isinstance(state, Movable):
        hint = "leave `through` out: gradients are then taken at what the network foresees"
        raise Unreachable("gradients cannot pass through this generator", field="through", hint=hint)
    with torch.enable_grad():
        source = state.value.detach().requires_grad_()
        return source, predict(state.at(source), level)


def _renew(
    pulls: Sequence[Pull], turn: int, source: Points, estimate: Estimate, moved: Points, level: Level, augment: Streams
) -> None:
    """Measure each energy of the moved estimate and its gradient, at the point or at its source; it is decoded once."""
    if not pulls:
        return
    with torch.enable_grad():
        view = replace(estimate.view(estimate.point + moved), level=level.progress, rng=augment)
        measured = [(pull, pull.measure(view)) for pull in pulls]
        for pull, values in measured:
            place = source if pull.how.through else estimate.point
            pull.slopes[turn:] = [(values.detach(), _slope(values, place))]


def _slope(values: PerItem, place: Points) -> Points:
    """(B, ...) the gradient of each value at its own item, for others to be taken of the same decoding."""
    [gradient] = torch.autograd.grad(values.sum(), place, retain_graph=True)
    return gradient


def descent(gradient: Points, values: PerItem, length: Tensor) -> Points:
    """Along each gradient as far as ``length``, but no farther than where the energy would vanish if it were linear.

    Args:
        gradient: (B, ...) of the energy; where it vanishes there is no move.
        values: (B,) of the energy.
        length: one number, or (B, 1, ...); negative to go away, however far the energy has come.
    """
    axes = tuple(range(1, gradient.ndim))
    peak = gradient.abs().amax(axes, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
    direction = gradient / peak  # squares of tiny gradients would underflow
    norm = torch.linalg.vector_norm(direction, dim=axes, keepdim=True).clamp_min(1)
    there = values.to(norm).view_as(norm) / peak / norm
    scaled: Tensor = direction / norm * torch.minimum(length.to(norm).expand_as(norm), there)
    return scaled
