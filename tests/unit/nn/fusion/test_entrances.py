from __future__ import annotations

import pytest
import torch

from misen.nn.fusion.cross_attention import TokensEntrance


@pytest.mark.parametrize(("hidden", "straight"), [(0, True), (16, False)])
def test_a_layer_between_lets_tokens_enter_by_more_than_a_linear_map(hidden, straight):
    torch.manual_seed(0)
    entrance = TokensEntrance(4, 8, hidden)
    one, other = torch.randn(2, 1, 3, 4)
    zero = torch.zeros(1, 3, 4)
    bend = entrance.project(one + other) + entrance.project(zero) - entrance.project(one) - entrance.project(other)
    assert (bend.abs().max() < 1e-6) == straight
    assert entrance(one).shape == (1, 3, 8)
