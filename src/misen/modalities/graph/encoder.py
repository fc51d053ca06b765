"""Triples as one token each."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.graph.signal import LIMIT, Graph
from misen.perception.senses import Senses
from misen.scene.anatomy import RELATIONS
from misen.scene.graph import NODES, TRIPLE_INDICES

_SIZES = (len(NODES), len(RELATIONS), len(NODES))
_TOKENS = torch.cat(
    [functional.one_hot(column, size) for column, size in zip(TRIPLE_INDICES.T, _SIZES, strict=True)], dim=1
).float()


class GraphEncoder:
    """Tokens (B, 16, D): subject, relation and object, each one-hot, so that new triples are made of known words."""

    layouts: tuple[Layout, ...] = ("tokens",)

    def width(self, layout: Layout) -> int:
        """Two nodes and a relation."""
        check_layout(layout, self.layouts)
        return sum(_SIZES)

    def encode(self, signal: Graph, layout: Layout) -> Condition:
        """A token per triple, then padding; an item without triples is null."""
        check_layout(layout, self.layouts)
        order, mask = _first(signal.told)
        tokens = _TOKENS.to(order.device)[order] * mask[..., None]
        return Condition(layout, tokens, mask.any(1), mask)


def _first(told: Tensor) -> tuple[Tensor, Tensor]:
    """(B, LIMIT) indices of the triples told, in order, and which of them are real."""
    mask, order = told.int().sort(dim=1, descending=True, stable=True)
    return order[:, :LIMIT], mask[:, :LIMIT].bool()


def build(coach: Senses) -> GraphEncoder:
    """The encoder; it needs no network."""
    return GraphEncoder()
