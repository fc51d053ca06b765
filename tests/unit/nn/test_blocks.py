"""Vectors as sequences of blocks."""

from __future__ import annotations

import torch

from misen.nn.blocks import block_tokens


def test_every_token_keeps_its_block_where_it_stands():
    value = torch.arange(1.0, 7.0)[None].repeat(2, 1)
    tokens = block_tokens(value, [1, 3, 2])
    assert tokens.tolist()[1] == [[1, 0, 0, 0, 0, 0], [0, 2, 3, 4, 0, 0], [0, 0, 0, 0, 5, 6]]
    assert torch.equal(tokens.sum(1), value)
