"""Correct: pull the estimate down the gradient of energies of the picture it decodes to.

Source: He et al. 2023, MPGD (arXiv:2311.16424), algorithm 1, for gradients at what the network foresees; Bansal et al.
2023, universal guidance (arXiv:2302.07121), algorithm 1, for several gradients a step and for those through the
network; Patashnik et al. 2021, StyleCLIP (arXiv:2103.17249), section 4; deviation: gradients are rescaled to the size
of the estimate, so one strength serves all families.
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
from misen.synthesis.schedule import remaining

RATE = 0.05
"""How far strength 1 moves an estimate in one step, as a fraction of the estimate's size."""


@dataclass
class Pull:
    """One guidance as an energy measures it; it begins to measure when its window opens.

    Attributes:
        energy: what measures.
        signal: the wish, one item per image.
        guidance: for the strength, the window and the options of consistency.
        values: (B,) the last disagreement, for the trace; None before the window opens.
    """

    energy: Energy
    signal: Signal
    guidance: Guidance
    values: PerItem | None = None
    _disagreement: Disagreement | None = field(default=None, repr=False)

    @property
    def mean(self) -> float:
        """The last disagreement averaged over the batch; NaN before the window opens."""
        return math.nan if self.values is None else float(self.values.mean())

    @property
    def how(self) -> Consistency:
        """How estimates are moved."""
        return self.guidance.consistency

    @property
    def reach(self) -> float:
        """How far each gradient leads: all of them together as far as the strength says."""
        return self.guidance.strength / self.how.gradients

    def acts_at(self, level: Level) -> bool:
        """Whether it moves anything at ``level``."""
        return self.guidance.strength != 0 and self.guidance.acts_at(level.progress)

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
        pulls: the energies; each moves the estimate by ``strength * RATE`` of its size.
        sampler: owns how much of the strengths is left at a level.
        augment: randomness for energies that look at altered copies.

    Raises:
        Unreachable: when a prediction is asked for, if gradients are to pass through a network that they cannot pass.
    """

    def corrected(state: State, level: Level) -> Estimate:
        active = [pull for pull in pulls if pull.acts_at(level)]
        if not active:
            return predict(state, level)
        source, estimate = _opened(predict, state, level, any(pull.how.through for pull in active))
        start, share = estimate.point.detach(), RATE * remaining(sampler, level)
        moved = torch.zeros_like(start)
        for turn in range(max(pull.how.gradients for pull in active)):
            pulling = [pull for pull in active if turn < pull.how.gradients]
            gradients = _gradients(source, estimate, moved, pulling, level, augment)
            for pull, gradient in zip(pulling, gradients, strict=True):
                moved = moved - share * pull.reach * rescale(gradient, start)
        return estimate.at(start + moved)

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


def _gradients(
    source: Points, estimate: Estimate, moved: Points, pulls: Sequence[Pull], level: Level, augment: Streams
) -> list[Points]:
    """The gradient of each energy of the moved estimate, at its point or at its source; it is decoded once."""
    with torch.enable_grad():
        view = replace(estimate.view(estimate.point + moved), level=level.progress, rng=augment)
        values = [(pull.measure(view).sum(), source if pull.how.through else estimate.point) for pull in pulls]
    return [torch.autograd.grad(value, place, retain_graph=True)[0] for value, place in values]


def rescale(gradient: Points, point: Points) -> Points:
    """The gradient with, item by item, the norm of the point; a vanishing gradient stays zero."""
    axes = tuple(range(1, point.ndim))
    size = torch.linalg.vector_norm(point, dim=axes, keepdim=True)
    peak = gradient.abs().amax(axes, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
    direction = gradient / peak  # squares of tiny gradients would underflow
    scaled: Tensor = direction * (size / torch.linalg.vector_norm(direction, dim=axes, keepdim=True).clamp_min(1))
    return scaled
