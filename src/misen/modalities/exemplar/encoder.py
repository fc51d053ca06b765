"""A head as the coach's observer sees it: who it is, and what it looks like."""

from __future__ import annotations

import torch

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.exemplar.signal import Exemplar
from misen.perception.senses import Look, Senses

IDENTITY, FEATURES = 64, 256


class ExemplarEncoder:
    """Vector (B, 64 + 256): identity, then pooled features, frozen."""

    layouts: tuple[Layout, ...] = ("vector",)

    def __init__(self, observer: Look) -> None:
        """Look with a frozen observer."""
        self.observer = observer

    def width(self, layout: Layout) -> int:
        """Identity and features together."""
        check_layout(layout, self.layouts)
        return IDENTITY + FEATURES

    @torch.no_grad()
    def encode(self, signal: Exemplar, layout: Layout) -> Condition:
        """What the observer reads from the picture."""
        check_layout(layout, self.layouts)
        reading = self.observer(signal.image)
        return Condition.full(layout, torch.cat((reading.identity, reading.features), dim=1).float())


def build(coach: Senses) -> ExemplarEncoder:
    """The encoder that shares the coach's frozen observer."""
    return ExemplarEncoder(coach.observer())
