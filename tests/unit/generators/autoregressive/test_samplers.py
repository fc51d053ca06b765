"""The samplers: how many tokens are decided when, which, and what is never changed."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from misen.core.errors import InputError
from misen.core.estimate import Estimate
from misen.core.generator import Sampler, Staged
from misen.core.seeding import Streams
from misen.core.view import View
from misen.generators.autoregressive.samplers import Samplers
from misen.generators.autoregressive.schedule import SCHEDULES, left
from misen.generators.autoregressive.state import TokenState
from misen.generators.autoregressive.tokens import UNDECIDED
from sequences import CODES, SIDE, some_tokens

NAMES = Samplers(("raster", "masked"), SIDE**2, CODES)


def empty(batch=2, rows=SIDE, columns=SIDE):
    tokens = torch.full((batch, rows, columns), UNDECIDED)
    return TokenState(tokens, torch.ones_like(tokens, dtype=torch.bool))


def walk(name, steps, state, scores=None):
    """The states of a walk, and how often it asked."""
    asked = []

    def predict(state, level):
        asked.append(level)
        drawn = torch.randn(1, CODES, *state.tokens.shape[1:], generator=torch.Generator().manual_seed(7))
        point = drawn.expand(len(state.tokens), -1, -1, -1) if scores is None else scores
        return Estimate(point, View)

    sampler, rng, states = NAMES[name](steps), Streams(range(len(state.tokens))), [state]
    for level in sampler.levels(guided=False):
        states.append(sampler.step(states[-1], level, predict, rng))
    return states, len(asked)


def open_cells(states):
    return [int(state.undecided[0].sum()) for state in states]


@pytest.mark.parametrize("steps", [1, 3, 4, 16, 20])
def test_raster_decides_row_by_row_and_asks_once_for_each_token(steps):
    states, asked = walk("raster", steps, empty())
    assert open_cells(states)[-1] == 0
    assert asked == max(SIDE**2, steps)
    for state in states:
        decided = ~state.undecided.flatten(1)[0]
        assert torch.equal(decided, torch.arange(16) < decided.sum())
    sampler = NAMES["raster"](steps)
    assert isinstance(sampler, Sampler)
    assert isinstance(sampler, Staged)
    assert sampler.stages * steps >= SIDE**2 > (sampler.stages - 1) * steps


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 5, 8, 20])
def test_masked_follows_its_schedule_to_the_end(schedule, steps):
    states, asked = walk(f"masked:schedule={schedule}", steps, empty())
    wanted = [int(left(schedule, step / steps, torch.tensor([16]))) for step in range(steps + 1)]
    assert open_cells(states) == wanted
    assert (wanted[0], wanted[-1], asked) == (16, 0, steps)
    assert wanted == sorted(wanted, reverse=True)


@pytest.mark.parametrize("name", NAMES)
def test_decided_tokens_never_change(name):
    tokens, known = some_tokens(), torch.rand(2, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) < 0.5
    states, _ = walk(name, 5, TokenState(tokens.where(known, UNDECIDED), ~known))
    for before, after in pairwise(states):
        assert torch.equal(after.tokens[~before.undecided], before.tokens[~before.undecided])
    assert torch.equal(states[-1].tokens[known], tokens[known])
    assert not states[-1].undecided.any()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_that_is_known_already_stays(name):
    tokens = some_tokens()
    states, asked = walk(name, 3, TokenState(tokens, torch.zeros_like(tokens, dtype=torch.bool)))
    assert torch.equal(states[-1].tokens, tokens)
    assert asked == 3


@pytest.mark.parametrize("name", NAMES)
def test_items_are_drawn_by_their_own_seeds(name):
    both, alone = walk(name, 4, empty(2))[0][-1], walk(name, 4, empty(1))[0][-1]
    assert torch.equal(both.tokens[:1], alone.tokens)
    assert not torch.equal(both.tokens[0], both.tokens[1])


def test_the_surest_tokens_come_first_without_noise():
    scores = torch.zeros(1, CODES, SIDE, SIDE)
    scores[:, 3] = 1 + torch.arange(16.0).view(SIDE, SIDE)
    states, _ = walk("masked:noise=0,top_k=1", 8, empty(1), scores)
    for state in states:
        decided = ~state.undecided.flatten()
        assert torch.equal(decided, torch.arange(16) >= 16 - decided.sum())
    assert (states[-1].tokens == 3).all()


def test_one_column_of_logits_stands_for_the_next_cell():
    scores = torch.zeros(2, CODES, 1, 1)
    scores[:, 5] = 100
    assert (walk("raster", 4, empty(), scores)[0][-1].tokens == 5).all()


def test_known_cells_spread_the_others_over_the_walk():
    state = empty()
    free = state.free.clone()
    free[:, :2] = False
    states, asked = walk("raster", 4, TokenState(some_tokens().where(~free, UNDECIDED), free))
    assert open_cells(states) == [8, 6, 4, 2, 0]
    assert asked == 8


def test_names_carry_options():
    name = "masked:temperature=0.5,top_k=7,top_p=0.9,noise=2,schedule=linear"
    sampler = NAMES[name](8)
    assert (sampler.choice.temperature, sampler.choice.top_k, sampler.choice.top_p) == (0.5, 7, 0.9)
    assert (sampler.noise, sampler.schedule, sampler.name) == (2, "linear", name)
    assert NAMES["raster"](8).name == "raster"
    assert "raster:top_k=3" in NAMES
    assert "rooster" not in NAMES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raster:temperature=0", "temperature must be a number above 0, got 0.0"),
        ("raster:temperature=-1", "temperature must be a number above 0, got -1.0"),
        ("raster:temperature=hot", "temperature must be a number, got 'hot'"),
        ("raster:top_k=1.5", "top_k must be a whole number, got '1.5'"),
        ("raster:temperature=nan", "temperature must be a number above 0, got nan"),
        ("raster:top_k=25", "top_k must be from 1 to 24, got 25"),
        ("raster:top_p=0", "top_p must be a number above 0 and up to 1"),
        ("raster:noise=1", "sampler raster has no option 'noise'"),
        ("masked:noise=-1", "noise must be a number from 0, got -1.0"),
        ("masked:schedule=cosin", "there is no schedule 'cosin'. did you mean 'cosine'"),
        ("masked:warmth=1", "sampler masked has no option 'warmth'"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(name, message):
    with pytest.raises(InputError) as caught:
        NAMES[name]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
