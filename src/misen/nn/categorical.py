"""Draws from logits: at a temperature, among the most probable only, each by one number between 0 and 1.

Source: Fan et al. 2018 (arXiv:1805.04833), section 5.3, for the k most probable; Holtzman et al. 2019
(arXiv:1904.09751), section 3.1, for the nucleus.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from misen.core.errors import InputError, brief

Logits = Float[Tensor, "*items values"]
"""Of which the exponentials are proportional to the probabilities of values."""
Chances = Float[Tensor, "*items"]
"""Uniform in [0, 1)."""
Drawn = Int[Tensor, "*items"]
"""Which value."""
BELOW_ONE = 1 - 2**-20
"""A chance just under 1 would else be rounded up to the sum of all shares, which nothing passes."""


@dataclass(frozen=True)
class Choice:
    """Among which values is drawn, and how boldly.

    Attributes:
        temperature: logits are divided by it; above 0.
        top_k: how many of the most probable values may be drawn; all if None.
        top_p: the most probable values that together have this probability, in (0, 1], may be drawn.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            message = f"temperature must be a number above 0, got {brief(self.temperature)}"
            raise InputError(message, field="temperature", hint="for the most probable values give top_k=1")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p must be a number above 0 and up to 1, got {brief(self.top_p)}", field="top_p")

    def check(self, values: int) -> None:
        """Refuse to draw among more values than there are."""
        if self.top_k is not None and not 1 <= self.top_k <= values:
            hint = f"there are {values} values; leave top_k out to draw among all"
            raise InputError(f"top_k must be from 1 to {values}, got {self.top_k}", field="top_k", hint=hint)

    def draw(self, logits: Logits, chances: Chances) -> Drawn:
        """What is drawn of logits (..., K) by chances (...)."""
        logits = logits.float() / self.temperature
        count = self._most(logits.shape[-1])
        if count is None:
            return _passed(logits.softmax(-1), chances)
        some, values = logits.topk(count)
        place = _passed(self._nucleus(some.softmax(-1)), chances)
        return values.gather(-1, place[..., None]).squeeze(-1)

    def _most(self, values: int) -> int | None:
        """How many values have to be sorted; None if none."""
        return self.top_k if self.top_p == 1 else self.top_k or values

    def _nucleus(self, shares: Logits) -> Logits:
        """Descending probabilities (..., k), 0 behind those that together have ``top_p``."""
        return shares.masked_fill(shares.cumsum(-1) - shares >= self.top_p, 0)


def _passed(shares: Logits, chances: Chances) -> Drawn:
    """Where the sum of shares (..., K) passes each chance."""
    sums = shares.cumsum(-1)
    whole = BELOW_ONE * sums[..., -1:]
    return torch.searchsorted(sums, chances[..., None] * whole, right=True).squeeze(-1)
