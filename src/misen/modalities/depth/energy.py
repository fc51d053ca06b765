"""How far the depth the coach sees is from a map, whatever its scale and offset."""

from __future__ import annotations

from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.depth.signal import Depth
from misen.perception.senses import Look, Senses

TRUE = 0.2
"""What true pictures have, since nobody sees depth so well; nobody shall come nearer than they do."""


class DepthEnergy:
    """1 - Pearson correlation inside the given head, plus the mean squared depth seen outside it.

    Counted from what true pictures have.
    """

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Depth, first: View) -> Disagreement:
        """Fix the map."""
        inside = (signal.nearness > 0).float()

        def disagreement(view: View) -> Tensor:
            seen = self.look(view.image).depth.float()
            outside = (seen.square() * (1 - inside)).mean((1, 2, 3))
            return (1 - _correlation(seen, signal.nearness, inside) + outside - TRUE).clamp_min(0)

        return disagreement


def _correlation(first: Tensor, second: Tensor, inside: Tensor) -> Tensor:
    """(B,) Pearson correlations of (B, 1, H, W) maps where ``inside`` is 1."""
    count = inside.sum((1, 2, 3), keepdim=True).clamp_min(1)
    a, b = (inside * (x - (x * inside).sum((1, 2, 3), keepdim=True) / count) for x in (first, second))
    spread = (a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3)) + 1e-12).sqrt()
    return (a * b).sum((1, 2, 3)) / spread


def build(coach: Senses) -> DepthEnergy:
    """The energy of what the coach's observer sees."""
    return DepthEnergy(coach.observer())
