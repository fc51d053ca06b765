"""Whether the triples are true of what the judge sees."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.modalities.graph.signal import Graph
from misen.perception.senses import Look, Senses
from misen.scene.attributes import ATTRIBUTES
from misen.scene.graph import graph


class GraphJudge:
    """Fraction of the triples told that hold; NaN if none is told."""

    metric = "relation accuracy"
    unit = ""
    higher_is_better = True

    def __init__(self, look: Look) -> None:
        """Look with the judging observer."""
        self.look = look

    @torch.no_grad()
    def score(self, images: Tensor, signal: Graph) -> Tensor:
        """(B,) fractions."""
        reading = self.look(images)
        columns = [reading.log_probability(column).argmax(1) for column in range(len(ATTRIBUTES))]
        attributes = torch.stack(columns, dim=1)
        holds = graph(attributes, torch.ones_like(attributes, dtype=torch.bool), reading.segmentation.argmax(1))
        return (holds & signal.told).sum(1) / signal.told.sum(1)


def build(judge: Senses) -> GraphJudge:
    """The judge with its observer."""
    return GraphJudge(judge.observer())
