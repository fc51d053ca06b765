"""Whether the judge takes the head for the exemplar's."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.exemplar.signal import Exemplar
from misen.perception.senses import Look, Senses


class ExemplarJudge:
    """Cosine of the two identities."""

    metric = "cosine of identity"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Exemplar) -> Tensor:
        """(B,) cosines."""
        return (self.look(images).identity * self.look(signal.image).identity).sum(1)


def build(judge: Senses) -> ExemplarJudge:
    """The judge with its observer."""
    return ExemplarJudge(judge.observer())
