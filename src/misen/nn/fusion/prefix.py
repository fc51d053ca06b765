"""Fusion of tokens by prefix: sequences stand one after another, and a mask says which tokens count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from misen.core.shapes import Counted, Tokens

Sequenced = tuple[Tokens, Counted]
"""Tokens (B, L, D) and their mask (B, L), True where a token counts."""


def chain(sequences: Sequence[tuple[Tensor, Tensor]]) -> Sequenced:
    """The sequences one after another: (B, sum of L, D) and (B, sum of L)."""
    tokens, masks = zip(*sequences, strict=True)
    return torch.cat(tokens, dim=1), torch.cat(masks, dim=1)
