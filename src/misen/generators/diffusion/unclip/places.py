"""Places in a joint embedding: unit vectors, and how the decoder is told one."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.shapes import Flags, PerItem, Vectors
from misen.generators.diffusion.ports import PortSettings
from misen.nn.blocks import block_tokens
from misen.perception.joint import WIDTH, Places

COPIES, HIDDEN = 16, 512
"""Tokens that a place becomes, and the width of the layer between, whose weights are each token's own."""
UNIT = math.sqrt(WIDTH)
"""What a unit vector is multiplied with so that its entries have unit variance."""
PLACE, PLACES = "place", "places"
"""The ports of the decoder: into its embedding of time, and into its cross-attention."""
TABLE = (PortSettings(PLACE, "vector", WIDTH), PortSettings(PLACES, "tokens", COPIES * WIDTH, hidden=HIDDEN))

Many = Float[Tensor, "many 128"]
Some = Float[Tensor, "some 128"]
"""Places of as many things, and of fewer."""
Candidates = Float[Tensor, "batch candidates 128"]
"""Several places for each item."""


def place_conditions(places: Places, present: Flags) -> Mapping[str, Condition]:
    """The conditions, by port, that tell the decoder places (B, 128); null where ``present`` (B,) is False."""
    scaled = UNIT * places
    tokens = block_tokens(scaled.repeat(1, COPIES), [WIDTH] * COPIES)
    return {PLACE: Condition("vector", scaled, present), PLACES: Condition("tokens", tokens, present)}


def likeliest(candidates: Candidates, wholes: Places) -> Places:
    """(B, 128): of each item's candidates the one that is most like its prompt (B, 128)."""
    likeness: Tensor = (candidates * wholes[:, None]).sum(2)
    return candidates[torch.arange(len(candidates)), likeness.argmax(1)]


class Standard(torch.nn.Module):
    """Places with every entry brought to mean 0 and deviation 1, as ``fit`` finds them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("deviation", torch.ones(WIDTH))

    def fit(self, places: Places) -> None:
        """Take mean and deviation of places (N, 128)."""
        self.mean.copy_(places.mean(0))
        self.deviation.copy_(places.std(0))

    def forward(self, places: Places) -> Vectors:
        """(B, 128) -> (B, 128)."""
        standard: Tensor = (places - self.mean) / self.deviation
        return standard

    def invert(self, standard: Vectors) -> Places:
        """Inverts ``forward``, but for the length, which is made 1."""
        return functional.normalize(standard.float() * self.deviation + self.mean, dim=1)


def likeness(first: Places, second: Places) -> PerItem:
    """(B,) cosines."""
    return (first * second).sum(1)
