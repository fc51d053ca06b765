"""Transformers with places: turns, sight, and a cache that changes nothing."""

from __future__ import annotations

import pytest
import torch

from misen.nn.transformer.cache import Cache
from misen.nn.transformer.places import factors, grid_places, nowhere, turned, turns
from misen.nn.transformer.sight import HIDDEN, bias, causal, near
from misen.nn.transformer.transformer import Transformer

PAIRS = 8


def logits(targets, places):
    """Of random queries and keys of 16 numbers that look from and stand at places."""
    random = torch.Generator().manual_seed(0)
    parts = torch.randn(3, 1, 1, 1, 2 * PAIRS, generator=random).expand(-1, -1, -1, targets.shape[1], -1)
    query, key, value = turned(parts, turns(targets, places, PAIRS))
    assert torch.equal(value, parts[2])
    return (query @ key.mT)[0, 0]


def test_only_distances_matter():
    places = grid_places(3, 4)
    moved = places + torch.tensor([5.0, 2.0])
    assert torch.allclose(logits(places, places), logits(moved, moved), atol=1e-4)
    assert not torch.allclose(logits(places, places), logits(moved, places), atol=1e-2)


def test_what_stands_nowhere_is_met_alike_from_everywhere():
    places = grid_places(2, 3)
    table = logits(places, nowhere(6))
    assert torch.allclose(table, table[:1, :1].expand(6, 6), atol=1e-6)
    assert torch.equal(factors(nowhere(2), PAIRS)[..., PAIRS // 2 :], torch.zeros(1, 2, 4, dtype=torch.complex64))


def test_places_are_told_apart_on_grids_of_eight():
    places = grid_places(8, 8)
    table = factors(places, 16)[0, :, 8:]
    alike = (table @ table.conj().T).real / 8
    assert (alike.fill_diagonal_(0) < 0.98).all()


def test_near_counts_rows_and_columns():
    places = grid_places(3, 3)
    close = near(places[:, :1], torch.cat([places, nowhere(1)], 1), (2, 3))
    assert close.view(-1).tolist() == [True] * 6 + [False] * 3 + [True]


def test_bias_joins_what_is_hidden():
    counted = torch.tensor([[True, False, True]])
    assert bias(None, None) is None
    joined = bias(counted, causal(3, 0, torch.device("cpu")))
    assert joined[0, 0].tolist() == [[0, HIDDEN, HIDDEN], [0, HIDDEN, HIDDEN], [0, HIDDEN, 0]]
    assert causal(3, 2, torch.device("cpu"))[0].int().tolist() == [[1, 1, 0], [1, 1, 0], [1, 1, 1]]


def test_read_bit_by_bit_it_says_the_same():
    torch.manual_seed(0)
    network, x, places = Transformer(16, 3, 2), torch.randn(2, 9, 16), grid_places(3, 3)
    by = turns(places, places, network.pairs)
    with torch.no_grad():
        whole = network(x, by, bias(None, causal(9, 0, x.device)))
        cache, parts = network.reserve(x, 1, 8), [slice(0, 4), *(slice(i, i + 1) for i in range(4, 9))]
        read = [
            network(
                x[:, part],
                by[..., part, :],
                bias(None, causal(part.stop, 0, x.device)[:, part]),
                cache.opened(part.start, part.stop - part.start),
            )
            for part in parts
        ]
    assert torch.allclose(torch.cat(read, 1), whole, atol=1e-5)


def test_cells_are_used_again():
    cache = Cache.reserved(1, torch.zeros(1, 1, 1, 1, 2), fixed=2, turning=3)
    assert cache.opened(0, 4).cells == slice(0, 4)
    assert cache.opened(0, 4).end == 4
    assert (cache.opened(6, 1).cells, cache.opened(6, 1).end) == (slice(3, 4), 5)
    assert cache.numbers(1).tolist() == [0, 1, -1]
    assert cache.numbers(4).tolist() == [3, 4, 2]


def test_heads_need_room_for_turns():
    with pytest.raises(ValueError, match="multiple of 8"):
        Transformer(12, 1, 1)
