"""How far the head in a picture is from being the exemplar's, as the coach sees it."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.exemplar.signal import Exemplar
from misen.perception.senses import Look, Senses


class ExemplarEnergy:
    """1 - cosine of the two identities."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Exemplar, first: View) -> Disagreement:
        """Look at the exemplar once."""
        with torch.no_grad():
            wanted = self.look(signal.image).identity

        def disagreement(view: View) -> Tensor:
            return (1 - (self.look(view.image).identity * wanted).sum(1)).clamp_min(0)

        return disagreement


def build(coach: Senses) -> ExemplarEnergy:
    """The energy of what the coach's observer sees."""
    return ExemplarEnergy(coach.observer())
