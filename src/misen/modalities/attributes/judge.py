"""Whether the wished traits are what the judge sees."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.judge import Finding
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
        asked = named(signal.weights)
        return ((self._seen(images) == _heaviest(signal)) & asked).sum(1) / asked.sum(1)

    @torch.no_grad()
    def findings(self, images: Tensor, signal: Attributes) -> list[tuple[Finding, ...]]:
        """Per picture, one finding per named trait."""
        rows = zip(named(signal.weights), _heaviest(signal), self._seen(images), strict=True)
        return [tuple(map(_finding, asked.nonzero()[:, 0], wish[asked], seen[asked])) for asked, wish, seen in rows]

    def _seen(self, images: Tensor) -> Tensor:
        """(B, 16) likeliest value of each trait."""
        reading = self.look(images)
        return torch.stack([reading.log_probability(column).argmax(1) for column in range(len(ATTRIBUTES))], dim=1)


def _heaviest(signal: Attributes) -> Tensor:
    """(B, 16) value of the greatest weight of each trait."""
    blocks = signal.weights.split([len(attribute) for attribute in ATTRIBUTES], dim=1)
    return torch.stack([block.argmax(1) for block in blocks], dim=1)


def _finding(column: Tensor, wish: Tensor, seen: Tensor) -> Finding:
    attribute = ATTRIBUTES[int(column)]
    return Finding(attribute.key, attribute.values[int(wish)], attribute.values[int(seen)], bool(wish == seen))


def build(judge: Senses) -> AttributesJudge:
    """The judge with its observer."""
    return AttributesJudge(judge.observer())
