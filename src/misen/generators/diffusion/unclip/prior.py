"""What a prior is: it imagines where a picture of some words lies in the joint embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from misen.core.seeding import Streams
from misen.core.shapes import Scalar, Vectors
from misen.generators.diffusion.unclip.places import UNIT, Many, Some
from misen.generators.diffusion.unclip.prompts import Prompts
from misen.generators.diffusion.unclip.transformer import CausalTransformer, Past
from misen.perception.joint import WIDTH, Places

CANDIDATES = 2
"""Places imagined of each prompt, of which the one that is most like it is kept."""


@dataclass(frozen=True)
class PriorSettings:
    """Size and shape of a prior.

    Attributes:
        width: features per token.
        layers: blocks of the transformer.
        heads: of each block's attention.
        words: width of the hidden states of prompts.
        components: principal components that an autoregressive prior spells a place in.
        levels: values that each of them can take.
    """

    width: int = 192
    layers: int = 6
    heads: int = 6
    words: int = 192
    components: int = 32
    levels: int = 64


@runtime_checkable
class Prior(Protocol):
    """Imagines places."""

    form: str
    """Which kind of prior it is."""

    def fit(self, places: Many, wholes: Some) -> None:
        """Find its scales before it learns, on places (N, 128) and wholes (M, 128) of prompts of the first M <= N."""
        ...

    def loss(self, prompts: Prompts, places: Places) -> tuple[Scalar, dict[str, float]]:
        """What is to be made small, and what is to be told of it; draws from torch's global generator."""
        ...

    def draw(self, rng: Streams) -> Vectors:
        """(B, N) what chance decides of B places."""
        ...

    def imagine(self, prompts: Prompts, draws: Vectors) -> Places:
        """(B, 128) unit vectors, a function of the prompts and of what ``draw`` drew."""
        ...


class PromptReader(nn.Module):
    """Reads prompts, their words first and the whole last, into the past of a causal transformer."""

    def __init__(self, settings: PriorSettings) -> None:
        super().__init__()
        self.words, self.whole = nn.Linear(settings.words, settings.width), nn.Linear(WIDTH, settings.width)
        self.transformer = CausalTransformer(settings.width, settings.layers, settings.heads)

    def forward(self, prompts: Prompts) -> Past:
        """The past of B prompts."""
        tokens = torch.cat([self.words(prompts.words), self.whole(UNIT * prompts.wholes)[:, None]], 1)
        counted = torch.cat([prompts.counted, prompts.counted.new_ones(len(tokens), 1)], 1)
        past: Past = self.transformer(tokens, counted, self.transformer.begin(tokens))[1]
        return past

    def go_on(self, tokens: Tensor, past: Past) -> tuple[Tensor, Past]:
        """What comes of tokens (B, T, width) that follow, all of which count."""
        counted = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        answer: tuple[Tensor, Past] = self.transformer(tokens, counted, past)
        return answer
