"""A head as the coach's observer sees it: who it is, and what it looks like."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.exemplar.signal import Exemplar
from misen.perception.reading import Reading
from misen.perception.senses import Look, Senses

IDENTITY, FEATURES = 64, 256


class ExemplarEncoder:
    """Vector (B, 64 + 256): identity, then pooled features, frozen; both of unit variance."""

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
        return Condition.full(layout, _normed(self.observer(signal.image)))


def _normed(reading: Reading) -> Tensor:
    """(B, 320): a unit identity has entries of deviation 1 / 8, features have deviations of a dozen."""
    identity = math.sqrt(IDENTITY) * reading.identity.float()
    return torch.cat((identity, functional.layer_norm(reading.features.float(), [FEATURES])), dim=1)


def build(coach: Senses) -> ExemplarEncoder:
    """The encoder that shares the coach's frozen observer."""
    return ExemplarEncoder(coach.observer())
