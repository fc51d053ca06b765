"""How far the triples are from being true of what the coach sees."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.graph.signal import Graph
from misen.perception.reading import Reading
from misen.perception.senses import SIZE, Look, Senses
from misen.scene.anatomy import CLASSES
from misen.scene.attributes import BY_KEY, COLUMN
from misen.scene.graph import MARGIN, TRIPLES, Triple
from misen.scene.layout import LABELS, MINIMUM_SHARE, PARTS

COLOR_KEYS = {"hair": "hair_color", "eyes": "eye_color", "hat": "hat_color", "shirt": "shirt_color"}
"""The attribute that holds the color of a part; the background's is called like itself."""
OFFSETS = {"left of": (0, -1.0), "right of": (0, 1.0), "above": (1, -1.0), "below": (1, 1.0)}
"""Axis (x, y) and sign of the offset of subject from object."""
SPREAD = 0.02
"""How far beyond the margin an offset must be for a direction to cost nothing."""


class GraphEnergy:
    """Mean over the triples told: negative log-likelihood of things worn and of colors, shortfall of directions."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Graph, first: View) -> Disagreement:
        """Fix the triples."""
        columns = signal.told.any(0).nonzero()[:, 0].tolist()
        told = signal.told[:, columns]

        def disagreement(view: View) -> Tensor:
            scene = _Scene(self.look(view.image))
            costs = torch.stack([scene.cost(TRIPLES[column]) for column in columns], dim=1)
            return (costs * told).sum(1) / told.sum(1).clamp_min(1)

        return disagreement


class _Scene:
    """Soft facts about a batch of pictures."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        classes = reading.segmentation.float().softmax(1)
        parts = [classes[:, [CLASSES.index(c) for c in part]].sum(1) for part in PARTS.values()]
        self.share, self.centre = _moments(torch.stack(parts, dim=1))

    def cost(self, triple: Triple) -> Tensor:
        """(B,) >= 0, 0 if the triple holds."""
        subject, relation, target = triple
        if relation == "wearing":
            return -self._chance(target, "none", negated=True)
        if relation == "has color":
            there = self._chance("hat", "none", negated=True) if subject == "hat" else 0.0
            return -self._chance(COLOR_KEYS.get(subject, subject), target, negated=False) - there
        a, b = LABELS.index(subject), LABELS.index(target)
        return self._absence(a) + self._absence(b) + self._misplaced(a, b, relation)

    def _chance(self, key: str, value: str, *, negated: bool) -> Tensor:
        """(B,) log-probability that an attribute has, or has not, a value."""
        seen = self.reading.log_probability(COLUMN[key])[:, BY_KEY[key].index(value)]
        return (1 - seen.exp()).clamp_min(1e-6).log() if negated else seen

    def _absence(self, part: int) -> Tensor:
        """(B,) 1 where nothing of a part is seen, 0 where enough is."""
        return (1 - self.share[:, part] / MINIMUM_SHARE).clamp_min(0)

    def _misplaced(self, a: int, b: int, relation: str) -> Tensor:
        """(B,) how far the centres are from standing as they should, 0 if they do."""
        offset = self.centre[:, a] - self.centre[:, b]
        if relation not in OFFSETS:
            return (offset.square().sum(1) - MARGIN**2).clamp_min(0) / MARGIN**2
        axis, sign = OFFSETS[relation]
        return (MARGIN + SPREAD - sign * offset[:, axis]).clamp_min(0) / MARGIN


def _moments(parts: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the picture (B, 13) and centre (B, 13, 2) of soft masks (B, 13, H, W)."""
    axis = (torch.arange(SIZE, device=parts.device) + 0.5) / SIZE
    mass = parts.sum((2, 3)).clamp_min(1e-6)
    centre = torch.stack((parts.sum(2) @ axis, parts.sum(3) @ axis), dim=-1) / mass[..., None]
    return mass / SIZE**2, centre


def build(coach: Senses) -> GraphEnergy:
    """The energy of what the coach's observer sees."""
    return GraphEnergy(coach.observer())
