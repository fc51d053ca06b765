"""A vector made of blocks as a sequence of tokens, so that each place of a picture can look at the block it needs."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Vectors


def block_tokens(value: Vectors, widths: Sequence[int]) -> Float[Tensor, "batch blocks features"]:
    """(B, D) -> (B, len(widths), D): token k keeps block k of the vector where it stands, and is zero elsewhere.

    A linear layer on such tokens is a separate one for each block.

    Args:
        value: the vector.
        widths: of its blocks, from the left; together D.
    """
    owner = torch.repeat_interleave(torch.arange(len(widths)), torch.tensor(widths)).to(value.device)
    mine = owner[None] == torch.arange(len(widths), device=value.device)[:, None]
    return value[:, None] * mine
