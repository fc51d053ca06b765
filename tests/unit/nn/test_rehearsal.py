from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from misen.nn import pace
from misen.nn.rehearsal import Blank, Rehearsal, stage
from misen.nn.room import Burden


@pytest.fixture
def network():
    with stage():
        return torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv2d(8, 2, 1))


@torch.no_grad()
def rehearsed(compute) -> Rehearsal:
    with Rehearsal() as watched:
        compute()
    return watched


def test_nothing_is_computed_and_everything_counted(network):
    watched = rehearsed(lambda: network(torch.zeros(3, 4, 16, 16)))
    real = torch.nn.Sequential(torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.SiLU(), torch.nn.Conv2d(8, 2, 1))
    with FlopCounterMode(display=False) as counter:
        real(torch.zeros(3, 4, 16, 16))
    assert watched.flops == counter.get_total_flops() == 2 * 3 * 256 * (4 * 9 * 8 + 8 * 2)


def test_the_peak_is_what_is_in_use_at_once(network):
    features, given = 4 * 3 * 8 * 256, 4 * 3 * 4 * 256
    watched = rehearsed(lambda: network(torch.zeros(3, 4, 16, 16)))
    assert watched.peak == given + 2 * features  # what came in is held by the caller, the network drops what it can


def test_weights_and_views_are_no_new_memory(network):
    tensor = torch.zeros(8, 8)
    watched = rehearsed(lambda: (tensor.T, tensor.view(64), tensor[None].add_(1)))
    assert watched.peak == 0
    assert [str(call.operation) for call in watched.calls] == ["aten.add_.Tensor"]


def test_attention_without_its_matrix_is_counted_too():
    with stage():
        query = torch.zeros(1, 2, 16, 8)
        watched = rehearsed(lambda: functional.scaled_dot_product_attention(query, query, query))
    assert watched.flops == 4 * 2 * 16 * 16 * 8


def test_calls_are_told_apart_by_shapes_alone():
    first, second = torch.zeros(4, 8), torch.zeros(8, 2)
    watched = rehearsed(lambda: (first @ second, (first + 1) @ second, first @ first.T))
    assert sorted(watched.calls.values()) == [1, 1, 2]


@pytest.mark.parametrize("shape", [(3, 4), (0, 4), ()])
def test_blanks_are_filled_as_they_were(shape):
    for tensor in (torch.zeros(shape), torch.zeros(shape, dtype=torch.int64), torch.zeros(5, *shape).transpose(0, -1)):
        filled = Blank.of(tensor).filled()
        assert (filled.shape, filled.stride(), filled.dtype) == (tensor.shape, tensor.stride(), tensor.dtype)
    assert Blank.of(torch.zeros(2, 1).expand(2, 9)).bytes == 8


def test_the_pace_of_some_calls_stands_for_the_others(network):
    watched = rehearsed(lambda: [network(torch.zeros(1, 4, size, size)) for size in (8, 16, 32)])
    everything, sampled = pace.seconds(watched.calls), pace.seconds(watched.calls, budget=0)
    assert 0 < everything < 1
    assert 0 < sampled < 1
    twice = {call: 100 * count for call, count in watched.calls.items()}
    assert pace.seconds(twice) > 10 * everything


def test_opening_takes_time_for_what_is_read(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1 << 20))
    assert pace.opening(Burden()) == 0
    small, large = (pace.opening(Burden(size, size, size, (tmp_path / "a",))) for size in (1 << 20, 1 << 40))
    assert 0 < small < large


def test_burdens_add_up_in_the_order_of_opening():
    first, second = Burden(1, 4, 5), Burden(2, 8, 10)
    assert first + second == Burden(3, 12, 14)
    assert second + first == Burden(3, 12, 13)
