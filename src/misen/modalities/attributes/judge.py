"""Whether the wished traits are what the judge sees."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.attributes.signal import Attributes, named
from misen.perception.senses import Look, Senses
from misen.scene.attributes import ATTRIBUTES


class AttributesJudge:
    """Fraction of the named traits whose heaviest value is the likeliest one; NaN if none is named."""

    metric = "accuracy over visible attributes"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Attributes) -> Tensor:
        """(B,) fractions."""
        reading, asked = self.look(images), named(signal.weights)
        wishes = signal.weights.split([len(attribute) for attribute in ATTRIBUTES], dim=1)
        right = [reading.log_probability(i).argmax(1) == wish.argmax(1) for i, wish in enumerate(wishes)]
        return (torch.stack(right, dim=1) & asked).sum(1) / asked.sum(1)


def build(judge: Senses) -> AttributesJudge:
    """The judge with its observer."""
    return AttributesJudge(judge.observer())
