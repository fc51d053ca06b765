"""Fusion of tokens by cross-attention: each place of a network's features looks at a sequence.

Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.2; Rombach et al. 2022 (arXiv:2112.10752), section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.shapes import Tokens


class TokensEntrance(nn.Module):
    """Brings tokens to the width of the sequence that is looked at, and marks what kind they are."""

    def __init__(self, inputs: int, width: int, hidden: int = 0) -> None:
        """``hidden`` is the width of a layer between; without one tokens enter as a linear map has them."""
        super().__init__()
        deep = nn.Sequential(nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, width)) if hidden else None
        self.project = nn.Linear(inputs, width) if deep is None else deep
        self.norm = nn.LayerNorm(width)
        self.kind = nn.Parameter(0.02 * torch.randn(width))

    def forward(self, value: Tokens) -> Float[Tensor, "batch length width"]:
        """(B, L, inputs) -> (B, L, width)."""
        tokens: Tensor = self.norm(self.project(value)) + self.kind
        return tokens


AttentionMaps = Float[Tensor, "batch heads places keys"]
"""How much each place looks at each key; adds up to 1 over the keys."""


def _unchanged(maps: AttentionMaps) -> AttentionMaps:
    return maps


class MatrixAttention:
    """A processor for diffusers' ``Attention`` made of plain matrix products.

    For a few dozen tokens these are several times faster on a CPU than the fused kernel, above all backwards.
    """

    def __init__(self, edit: Callable[[AttentionMaps], AttentionMaps] = _unchanged) -> None:
        """``edit`` turns the maps of a layer into those to go on with."""
        self.edit = edit

    def __call__(
        self,
        attn: Any,
        hidden_states: Float[Tensor, "batch places channels"],
        encoder_hidden_states: Tokens | None = None,
        attention_mask: Float[Tensor, "batch 1 keys"] | None = None,
        **_: Any,
    ) -> Float[Tensor, "batch places channels"]:
        """(B, N, C) attends to (B, L, D), by default to itself; ``attention_mask`` (B, 1, L) is added to the logits."""
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = (
            layer(source).unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for layer, source in ((attn.to_q, hidden_states), (attn.to_k, context), (attn.to_v, context))
        )
        logits = (query * attn.scale) @ key.transpose(-1, -2)
        if attention_mask is not None:
            logits = logits + attention_mask[:, None].to(logits.dtype)
        mixed = self.edit(logits.softmax(dim=-1).to(value.dtype)) @ value
        result: Tensor = attn.to_out[0](mixed.transpose(1, 2).flatten(2))
        return result
