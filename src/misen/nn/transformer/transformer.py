"""A transformer whose tokens have places, for whole sequences and for those that are read bit by bit.

Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3; Radford et al. 2019, "Language models are unsupervised
multitask learners", section 2.3, for the norms.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Tokens
from misen.nn.transformer.cache import Cache, Page
from misen.nn.transformer.places import Turns, turned
from misen.nn.transformer.sight import Bias


class Block(nn.Module):
    """Attention, and a network for each token; begins with the less, the more blocks there are."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_looking, self.before_thinking = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look, self.gather = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for layer in (self.look, self.widen):
            nn.init.normal_(layer.weight, std=0.02)
        for layer in (self.gather, self.narrow):
            nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * layers))

    def forward(self, x: Tokens, turns: Turns, bias: Bias | None, page: Page | None = None, layer: int = 0) -> Tokens:
        """(B, T, D) -> the same; on a page they see all that was read before."""
        parts = self.look(self.before_looking(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        parts = turned(parts, turns)
        keys, values = parts[1:] if page is None else page.write(layer, parts[1:])
        logits = parts[0] @ keys.mT
        seen = (logits if bias is None else logits + bias).softmax(dim=-1).to(values.dtype) @ values
        x = x + self.gather(seen.transpose(1, 2).flatten(2))
        after: Tensor = x + self.narrow(functional.gelu(self.widen(self.before_thinking(x))))
        return after


class Transformer(nn.Module):
    """Blocks one after another, and a norm.

    Attributes:
        pairs: of numbers in the queries of a head, which places turn.
    """

    def __init__(self, width: int, layers: int, heads: int) -> None:
        """``width`` is a multiple of 8 per head."""
        super().__init__()
        if width % (8 * heads):
            raise ValueError(f"a width of {width} does not give each of {heads} heads a multiple of 8")
        self.width, self.heads, self.pairs = width, heads, width // heads // 2
        self.blocks = nn.ModuleList(Block(width, heads, layers) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tokens, turns: Turns, bias: Bias | None, page: Page | None = None) -> Tokens:
        """What comes of tokens (B, T, D)."""
        for layer, block in enumerate(self.blocks):
            x = block(x, turns, bias, page, layer)
        done: Tensor = self.norm(x)
        return done

    def reserve(self, like: Tokens, fixed: int, turning: int) -> Cache:
        """A cache for as many sequences as there are in ``like`` (B, T, D)."""
        heads = like[None].unflatten(3, (self.heads, -1)).transpose(2, 3)
        return Cache.reserved(len(self.blocks), heads, fixed, turning)
