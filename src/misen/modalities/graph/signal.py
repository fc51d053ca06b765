"""Scene graphs: triples that should be true of the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, LimitError, closest
from misen.core.seeding import derive
from misen.core.signal import Batched
from misen.media.document import read_json
from misen.scene.anatomy import RELATIONS
from misen.scene.graph import NODES, TRIPLES, Triple, graph, told_too_much
from misen.scene.sampling import uniforms
from misen.scene.splits import TRAIN_A
from misen.scene.truth import Truth

LIMIT = 16
"""Most triples of one graph."""
DIRECTIONS = ("left of", "right of", "above", "below")

_SHARE = torch.tensor([0.25 if relation in DIRECTIONS else 1.0 for _, relation, _ in TRIPLES])


@dataclass(frozen=True, eq=False, init=False)
class Graph(Batched):
    """Relations of parts; what is not told is left open.

    Attributes:
        told: (B, T) bool over ``scene.graph.TRIPLES``, at most ``LIMIT`` per item.
    """

    modality: ClassVar[str] = "graph"
    told: Tensor

    def __init__(self, triples: Sequence[Sequence[str]]) -> None:
        """The triples of one picture: ``[["head", "wearing", "glasses"], ...]``; their order means nothing.

        Raises:
            InputError: an unknown word, or words that make no triple; the message gives its index.
            LimitError: more than ``LIMIT`` triples.
        """
        told = torch.zeros(1, len(TRIPLES), dtype=torch.bool)
        told[:, [TRIPLES.index(triple) for triple in _checked(triples)]] = True
        self._keep(told=told)

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """From one to ``LIMIT`` true triples, colors and things worn before mere directions.

        Of a training avatar no held-out pair of triples is told together.
        """
        true = graph(truth.record.attributes, truth.observation.attributes_visible, truth.observation.segmentation)
        draws = uniforms(seeds.to(true.device), derive(0, cls.modality), 1 + len(TRIPLES)).float()
        count = 1 + (draws[:, 0] * 2 * LIMIT).long().clamp_max(LIMIT - 1)
        # Exponential race: the smallest times win, and a quarter of the rate for directions lets them win less often.
        times = torch.where(true, -draws[:, 1:].clamp_min(1e-12).log() / _SHARE.to(draws), float("inf"))
        latest = times.sort(dim=1).values.gather(1, count[:, None] - 1)
        told = (times <= latest) & true
        learning = TRAIN_A.holds(truth.record.seed)[:, None]
        return cls.of(told=told & ~(told_too_much(told) & learning))

    @classmethod
    def parse(cls, argument: str) -> Self:
        """The triples in a JSON file."""
        return cls(read_json(argument))

    def to_json(self) -> list[dict[str, Any]]:
        """``{"triples": [[subject, relation, object], ...]}``, in the order of ``scene.graph.TRIPLES``."""
        return [{"triples": [list(triple) for triple in row]} for row in self.triples()]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises what the constructor raises."""
        if not all(isinstance(item, Mapping) and "triples" in item for item in items):
            raise FormatError('each item must be {"triples": [...]}', field=cls.modality)
        return cls.of(told=torch.cat([cls(item["triples"]).told for item in items]))

    def triples(self) -> list[list[Triple]]:
        """What each graph tells."""
        return [[triple for triple, told in zip(TRIPLES, row, strict=True) if told] for row in self.told.tolist()]

    def describe(self) -> list[str]:
        """The triples as words."""
        return ["; ".join(" ".join(triple) for triple in row) or "nothing" for row in self.triples()]

    def preview(self, size: int) -> Tensor | None:
        """None: words say it better."""
        return None

    def groups(self) -> dict[str, Tensor]:
        """(B,) bool by kind of graph: with a pair of triples that training never told together, and without."""
        unseen = told_too_much(self.told).any(dim=1)
        return {"held-out pair": unseen, "no held-out pair": ~unseen}


def _checked(triples: Any) -> list[Triple]:
    if not isinstance(triples, Sequence) or isinstance(triples, str):
        raise InputError(f"a graph must be a list of triples, got {type(triples).__name__}", field="graph")
    if len(triples) > LIMIT:
        raise LimitError(f"a graph has {len(triples):,} triples; the limit is {LIMIT}", field="graph")
    return [_triple(index, triple) for index, triple in enumerate(triples)]


def _triple(index: int, words: Any) -> Triple:
    if not isinstance(words, Sequence) or isinstance(words, str) or len(words) != 3:
        hint = 'write [subject, relation, object], as in ["head", "wearing", "glasses"]'
        raise InputError(f"triple {index} is no triple: {words!r:.80}", field="graph", hint=hint)
    for word, known in zip(words, (NODES, RELATIONS, NODES), strict=True):
        if word not in known:
            raise InputError(f"triple {index}: {word!r} is not known", field="graph", hint=closest(str(word), known))
    triple: Triple = (words[0], words[1], words[2])
    if triple not in TRIPLES:
        told = sorted({b for a, relation, b in TRIPLES if (a, relation) == triple[:2]})
        hint = f"{' '.join(triple[:2])} may be followed by: {', '.join(told)}" if told else ""
        raise InputError(f"triple {index}: {' '.join(triple)!r} cannot be told of a head", field="graph", hint=hint)
    return triple
