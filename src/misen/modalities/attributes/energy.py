"""How unlikely the wished traits are in what the coach sees."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.attributes.signal import Attributes, named
from misen.perception.reading import Reading
from misen.perception.senses import Look, Senses
from misen.scene.attributes import ATTRIBUTES


class AttributesEnergy:
    """Mean over the named traits of the divergence of what is seen from what is wished.

    With all weight on one value it is that value's negative log-likelihood; with weights that add up to less than one,
    the rest may be any other value.
    """

    placeless = True

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Attributes, first: View) -> Disagreement:
        """Fix the wish."""
        wishes = signal.weights.split([len(attribute) for attribute in ATTRIBUTES], dim=1)
        count = named(signal.weights).sum(1).clamp_min(1)

        def disagreement(view: View) -> Tensor:
            return _divergence(self.look(view.image), wishes) / count

        return disagreement


def _divergence(reading: Reading, wishes: tuple[Tensor, ...]) -> Tensor:
    """(B,) sum over traits of KL(wish | seen), all values without weight counted as one."""
    columns = [_column(reading.log_probability(column), wish) for column, wish in enumerate(wishes)]
    return torch.stack(columns, dim=1).sum(1)


def _column(seen: Tensor, wish: Tensor) -> Tensor:
    rest = (1 - wish.sum(1)).clamp_min(0)
    other = (seen.exp() * (wish == 0)).sum(1).clamp_min(1e-12).log()
    relative = torch.special.entr(wish).neg() - wish * seen
    divergence: Tensor = relative.sum(1) - torch.special.entr(rest) - rest * other
    return divergence.clamp_min(0) * (wish.sum(1) > 0)


def build(coach: Senses) -> AttributesEnergy:
    """The energy of what the coach's observer sees."""
    return AttributesEnergy(coach.observer())
