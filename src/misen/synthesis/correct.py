"""Correct: pull the estimate down the gradient of energies of the picture it decodes to.

Source: Bansal et al. 2023, universal guidance (arXiv:2302.07121), equation 3, and Patashnik et al. 2021, StyleCLIP
(arXiv:2103.17249), section 4; deviations: the gradient is taken at the estimate, so it passes through the decoder only,
and it is rescaled to the size of the estimate, so one strength serves all families.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from misen.core.energy import Disagreement, Energy
from misen.core.estimate import Estimate
from misen.core.generator import Level, Predict, Sampler, State
from misen.core.guidance import Guidance
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
        guidance: for the strength and the window.
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
        augment: randomness for energies that look at augmented copies.
    """

    def corrected(state: State, level: Level) -> Estimate:
        estimate = predict(state, level)
        active = [pull for pull in pulls if pull.guidance.acts_at(level.progress) and pull.guidance.strength != 0]
        if not active:
            return estimate
        share = RATE * remaining(sampler, level)
        point = estimate.point
        for pull, gradient in zip(active, _gradients(estimate, active, level, augment), strict=True):
            point = point - share * pull.guidance.strength * rescale(gradient, estimate.point)
        return estimate.at(point)

    return corrected


def _gradients(estimate: Estimate, pulls: Sequence[Pull], level: Level, augment: Streams) -> list[Points]:
    """The gradient of each energy with respect to the point; the picture is decoded once."""
    with torch.enable_grad():
        point = estimate.point.detach().requires_grad_()
        view = replace(estimate.view(point), level=level.progress, rng=augment)
        values = [pull.measure(view).sum() for pull in pulls]
    return [torch.autograd.grad(value, point, retain_graph=value is not values[-1])[0] for value in values]


def rescale(gradient: Points, point: Points) -> Points:
    """The gradient with, item by item, the norm of the point; a vanishing gradient stays zero."""
    axes = tuple(range(1, point.ndim))
    size = torch.linalg.vector_norm(point, dim=axes, keepdim=True)
    peak = gradient.abs().amax(axes, keepdim=True).clamp_min(torch.finfo(gradient.dtype).tiny)
    direction = gradient / peak  # squares of tiny gradients would underflow
    scaled: Tensor = direction * (size / torch.linalg.vector_norm(direction, dim=axes, keepdim=True).clamp_min(1))
    return scaled
