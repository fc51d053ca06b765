"""A causal transformer that remembers what it has read, so that the beginning of a sequence is computed once.

Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3; Radford et al. 2019, "Language models are unsupervised
multitask learners", section 2.3, for the norms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.shapes import Counted, Tokens

HIDDEN = -10_000.0
"""Added to the logits of what must not be looked at."""
PerHead = Float[Tensor, "batch heads _ _"]


@dataclass(frozen=True)
class Past:
    """What has been read of B sequences.

    Attributes:
        keys: of each layer.
        values: of each layer.
        counted: (B, L) bool: which tokens may be looked at.
    """

    keys: tuple[PerHead, ...]
    values: tuple[PerHead, ...]
    counted: Counted

    def repeat(self, count: int) -> Past:
        """Each sequence ``count`` times in a row."""
        keys, values = (tuple(t.repeat_interleave(count, 0) for t in each) for each in (self.keys, self.values))
        return Past(keys, values, self.counted.repeat_interleave(count, 0))


class Block(nn.Module):
    """Attention to what was read and to what is new, and a network for each token."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_looking, self.before_thinking = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(
        self, x: Tokens, keys: PerHead, values: PerHead, bias: Float[Tensor, "batch 1 length keys"]
    ) -> tuple[Tokens, PerHead, PerHead]:
        """New tokens (B, T, D) after ``keys`` and ``values`` of L others; those of all L + T."""
        heads = self.look(self.before_looking(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, keys, values = heads[0], torch.cat([keys, heads[1]], 2), torch.cat([values, heads[2]], 2)
        logits = query @ keys.mT / math.sqrt(query.shape[-1]) + bias
        seen = logits.softmax(dim=-1).to(values.dtype) @ values
        x = x + self.gather(seen.transpose(1, 2).flatten(2))
        return x + self.think(self.before_thinking(x)), keys, values


class CausalTransformer(nn.Module):
    """Every token looks at itself and at those before it."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"a width of {width} is not divisible among {heads} heads")
        self.width, self.heads = width, heads
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def begin(self, like: Tokens) -> Past:
        """Nothing has been read of as many sequences as there are in ``like`` (B, T, D)."""
        nothing = like.new_zeros(len(like), self.heads, 0, self.width // self.heads)
        each = (nothing,) * len(self.blocks)
        return Past(each, each, nothing.new_ones(len(like), 0, dtype=torch.bool))

    def forward(self, x: Tokens, counted: Counted, past: Past) -> tuple[Tokens, Past]:
        """What comes of new tokens (B, T, D) that follow ``past``, and the past that they leave.

        ``counted`` (B, T) says which of them those that follow may look at.
        """
        counted = torch.cat([past.counted, counted], 1)
        bias, keys, values = _bias(counted, x.shape[1]), [], []
        for block, key, value in zip(self.blocks, past.keys, past.values, strict=True):
            x, key, value = block(x, key, value, bias)
            keys.append(key)
            values.append(value)
        return self.norm(x), Past(tuple(keys), tuple(values), counted)


def _bias(counted: Counted, new: int) -> Float[Tensor, "batch 1 new keys"]:
    """(B, 1, T, L + T): what the last T of L + T tokens may look at."""
    total = counted.shape[1]
    causal = torch.ones(new, total, dtype=torch.bool, device=counted.device).tril(total - new)
    bias: Tensor = (~(counted[:, None, :] & causal)).float()[:, None] * HIDDEN
    return bias
