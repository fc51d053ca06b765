"""The networks: who sees what, with and without a memory, on canvases of any size."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import LimitError
from misen.generators.autoregressive.memory import Memory
from misen.generators.autoregressive.prefix import PortSettings, Prefix, Sequences
from misen.generators.autoregressive.tokens import UNDECIDED
from misen.nn.transformer.places import grid_places
from sequences import CODES, SETTINGS, SIDE, some_tokens

CANVASES = [(SIDE, SIDE), (SIDE, 9), (9, 5), (2, 3)]
"""Of the size that networks are trained on, wider, higher and smaller."""


def read_bit_by_bit(network, tokens, asked, sizes):
    """The logits of every token, when at first ``sizes[0]`` tokens are known, then ``sizes[1]`` and so on."""
    memory, row = Memory(), tokens.flatten(1)
    return {size: memory.scores(network, asked, row[:, :size], tuple(tokens.shape[1:])) for size in sizes}


@pytest.mark.parametrize("grid", CANVASES)
def test_cached_equals_uncached(raster, conditions, grid):
    tokens = some_tokens(*grid)
    whole = raster(tokens, conditions).flatten(2)
    cells = grid[0] * grid[1]
    for sizes in (range(cells), [0, 1, cells - 1], [cells // 2, *range(cells // 2, cells)]):
        for size, scores in read_bit_by_bit(raster, tokens, [conditions], sizes).items():
            assert torch.allclose(scores, whole[..., size], atol=1e-5)


def test_several_sets_of_conditions_are_read_at_once(raster, conditions):
    tokens, asked = some_tokens(), [{}, conditions, {"view": conditions["view"]}]
    for size, scores in read_bit_by_bit(raster, tokens, asked, range(SIDE**2)).items():
        for given, some in zip(asked, scores.chunk(3), strict=True):
            assert torch.allclose(some, raster(tokens, given).flatten(2)[..., size], atol=1e-5)


@pytest.mark.parametrize("grid", CANVASES)
def test_a_memory_is_of_what_is_asked_now(raster, conditions, grid):
    memory, cells = Memory(), grid[0] * grid[1]
    first, second = some_tokens(*grid), some_tokens(*grid).flip(0)
    second[:, 0, :2] = first[:, 0, :2]
    asked = [(first, cells - 1), (second, cells - 1), (second, 2), (first, 3), (first, 3), (first, 0)]
    for tokens, size in [*asked, (second, cells - 2)]:
        scores = memory.scores(raster, [conditions], tokens.flatten(1)[:, :size], grid)
        assert torch.allclose(scores, raster(tokens, conditions).flatten(2)[..., size], atol=1e-5)


def test_conditions_that_say_the_same_are_read_once(raster, conditions):
    memory, row = Memory(), some_tokens().flatten(1)
    again = {name: condition[torch.arange(2)] for name, condition in conditions.items()}
    for size, asked in enumerate(([conditions], [again], [{}], [conditions])):
        memory.scores(raster, asked, row[:, :size], (SIDE, SIDE))
    assert len(memory._readings) == 2


@pytest.mark.parametrize("grid", CANVASES)
def test_no_token_is_told_by_itself_or_a_later_one(raster, conditions, grid):
    """The Jacobian of the logits in the embeddings is zero at and behind each token, and nowhere before."""
    tokens, seen = some_tokens(*grid), []
    raster.embed.register_forward_hook(lambda module, given, made: seen.append(made.requires_grad_()) or made)
    scores = raster(tokens, conditions).flatten(2).square().sum(1)
    for number in range(scores.shape[1]):
        [slope] = torch.autograd.grad(scores[:, number].sum(), seen[0], retain_graph=True)
        told = slope.abs().sum(-1) > 0
        assert not told[:, number:].any()
        if raster.window(grid) is None:
            assert told[:, :number].all()


def test_a_window_as_large_as_the_canvas_sees_everything(raster, conditions, monkeypatch):
    for grid in CANVASES:
        tokens = some_tokens(*grid)
        monkeypatch.setattr(raster, "window", lambda grid: None, raising=False)
        full = raster(tokens, conditions)
        monkeypatch.setattr(raster, "window", lambda grid: (max(grid), max(grid)))
        assert torch.allclose(raster(tokens, conditions), full, atol=1e-5)
        monkeypatch.setattr(raster, "window", lambda grid: (2, 2))
        assert not torch.allclose(raster(tokens, conditions), full, atol=1e-3)


def test_a_masked_window_as_large_as_the_canvas_sees_everything(masked, conditions, monkeypatch):
    tokens = some_tokens(SIDE, 7)
    near = masked(tokens, [conditions])
    monkeypatch.setattr(masked, "window", lambda grid: (7, 7), raising=False)
    full = masked(tokens, [conditions])
    monkeypatch.setattr(masked, "window", lambda grid: None)
    assert torch.allclose(masked(tokens, [conditions]), full, atol=1e-5)
    assert not torch.allclose(near, full, atol=1e-3)


def test_a_window_moves_with_what_is_decided(raster):
    """A token that is too far away to be seen, and too far from all that is seen, changes nothing."""
    tokens, other = some_tokens(1, 40), some_tokens(1, 40)
    other[..., 0] = (other[..., 0] + 1) % CODES
    apart = (raster(tokens, {}) - raster(other, {})).abs().amax((0, 1, 2))
    reach = SETTINGS.layers * (SIDE - 1)
    assert apart[1] > 0
    assert apart[reach + 1 :].max() == 0


def test_masked_tokens_are_told_by_all_others_and_by_their_conditions(masked, conditions):
    tokens = some_tokens()
    tokens[:, 1, 2] = UNDECIDED
    scores = masked(tokens, [conditions, {}])
    assert scores.shape == (4, CODES, SIDE, SIDE)
    assert torch.allclose(scores[:2], masked(tokens, [conditions]), atol=1e-5)
    assert not torch.allclose(scores[:2], scores[2:], atol=1e-3)
    for row, column in ((0, 0), (3, 3)):
        other = tokens.clone()
        other[:, row, column] = (other[:, row, column] + 1) % CODES
        assert not torch.allclose(masked(other, [{}])[..., 1, 2], scores[2:, ..., 1, 2], atol=1e-4)


def test_each_condition_counts_where_it_is_present_alone(raster, conditions):
    tokens = some_tokens()
    free = raster(tokens, {})
    for name, condition in conditions.items():
        apart = (raster(tokens, {name: condition}) - free).abs().amax((1, 2, 3))
        assert torch.equal(apart > 1e-4, condition.present)
    assert torch.allclose(raster(tokens[:1], {name: one[:1] for name, one in conditions.items()}),
                          raster(tokens, conditions)[:1], atol=1e-5)  # fmt: skip


def test_words_that_do_not_count_are_not_read(raster, conditions):
    tokens, words = some_tokens(), conditions["words"]
    words.value[:, 5] = 100
    changed = raster(tokens, {"words": words})
    words.value[:, 5] = -100
    assert torch.allclose(raster(tokens, {"words": words}), changed, atol=1e-5)


def test_maps_stand_where_their_cells_do(raster, conditions):
    prefix = raster.read([{"lines": conditions["lines"]}], 2, (SIDE, SIDE))
    assert prefix.counted.tolist() == [[False] * 16, [True] * 16]
    assert torch.equal(prefix.places[1], grid_places(SIDE, SIDE)[0])


def test_packing_keeps_what_counts_in_order():
    tokens = torch.arange(8.0).view(2, 4, 1)
    counted = torch.tensor([[False, True, False, True], [True, False, False, False]])
    packed = Sequences(tokens, counted, grid_places(1, 4)).packed()
    assert packed.tokens[0, :, 0].tolist() == [1, 3]
    assert packed.places[0, :, 1].tolist() == [1, 3]
    assert (packed.tokens[1, 0, 0], packed.counted[1].tolist()) == (4, [True, False])


def test_lengths_are_those_of_the_prefix(raster, conditions):
    lengths = raster.prefix.lengths(conditions, 2, (SIDE, SIDE))
    assert lengths.tolist() == [5 + 1, 16 + 1]
    assert torch.equal(lengths, raster.read([conditions], 2, (SIDE, SIDE)).counted.sum(1))
    assert raster.prefix.lengths({}, 3, (SIDE, SIDE)).tolist() == [0, 0, 0]


def test_more_guidance_than_the_context_has_room_for(conditions):
    prefix = Prefix([PortSettings("words", "tokens", 5)], 8, 4, context=5)
    with pytest.raises(LimitError, match=r"the guidances have 6 tokens, and this model reads up to 5\. give fewer"):
        prefix(conditions, 2, (1, 1), torch.zeros(1, 1, 8))
