"""A head as the coach's observer sees it: who it is, and what it looks like."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.exemplar.signal import Exemplar
from misen.nn.blocks import block_tokens
from misen.perception.reading import Reading
from misen.perception.senses import Look, Senses

IDENTITY, FEATURES = 64, 256
BLOCK = 64
"""Numbers per token: one token of identity, four of features."""


class ExemplarEncoder:
    """Identity, then features, frozen and of unit variance: vector (B, 320), or tokens (B, 5, 320), a block each."""

    layouts: tuple[Layout, ...] = ("vector", "tokens")

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
        vector = _normed(self.observer(signal.image))
        if layout == "vector":
            return Condition.full(layout, vector)
        tokens = block_tokens(vector, [BLOCK] * ((IDENTITY + FEATURES) // BLOCK))
        return Condition.full(layout, tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device))


def _normed(reading: Reading) -> Tensor:
    """(B, 320): a unit identity has entries of deviation 1 / 8, features have deviations of a dozen."""
    identity = math.sqrt(IDENTITY) * reading.identity.float()
    return torch.cat((identity, functional.layer_norm(reading.features.float(), [FEATURES])), dim=1)


def build(coach: Senses) -> ExemplarEncoder:
    """The encoder that shares the coach's frozen observer."""
    return ExemplarEncoder(coach.observer())
