"""Draws from logits: what they are of, and what is refused."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import chisquare

from misen.core.errors import InputError
from misen.nn.categorical import Choice

LOGITS = torch.tensor([1.0, -1.0, 3.0, 0.0, 2.0])
CHANCES = (torch.arange(10_000) + 0.5) / 10_000


def shares(choice):
    drawn = choice.draw(LOGITS.expand(len(CHANCES), -1), CHANCES)
    return drawn.bincount(minlength=5) / len(CHANCES)


def test_values_are_drawn_as_often_as_they_are_probable():
    chances = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    drawn = Choice().draw(LOGITS.expand(20_000, -1), chances)
    expected = LOGITS.softmax(0).double()
    assert chisquare(drawn.bincount(minlength=5), 20_000 * expected / expected.sum()).pvalue > 0.01


def test_temperature_divides_the_logits():
    assert torch.allclose(shares(Choice(temperature=0.5)), (LOGITS / 0.5).softmax(0), atol=1e-3)
    assert shares(Choice(temperature=1e-3))[2] == 1


def test_top_k_draws_among_the_most_probable():
    expected = torch.tensor([0.0, 0, 3, 0, 2]).where(torch.tensor([0, 0, 1, 0, 1]) > 0, torch.tensor(-torch.inf))
    assert torch.allclose(shares(Choice(top_k=2)), expected.softmax(0), atol=1e-3)
    assert shares(Choice(top_k=1))[2] == 1
    assert torch.allclose(shares(Choice(top_k=5)), shares(Choice()), atol=1e-3)


def test_the_nucleus_is_the_fewest_values_that_are_probable_enough_together():
    probable = LOGITS.softmax(0)
    assert shares(Choice(top_p=float(probable[2]) - 1e-3))[2] == 1
    two = shares(Choice(top_p=float(probable[2]) + 1e-3))
    assert torch.allclose(two[[2, 4]], probable[[2, 4]] / probable[[2, 4]].sum(), atol=1e-3)
    assert two[[0, 1, 3]].max() == 0
    assert shares(Choice(top_k=1, top_p=0.99))[2] == 1


@pytest.mark.parametrize("choice", [Choice(), Choice(top_k=3), Choice(top_p=0.9)])
@pytest.mark.parametrize("chance", [0.0, 1 - 2**-24])
def test_chances_at_the_edge_draw_what_is_possible(choice, chance):
    logits = torch.tensor([[-1e4, 0.0, 0.0, 0.0, -1e4]])
    assert 1 <= int(choice.draw(logits, torch.tensor([chance]))) <= 3


def test_maps_of_logits():
    logits = torch.randn(2, 3, 4, 5)
    drawn = Choice(top_k=2).draw(logits, torch.rand(2, 3, 4))
    assert (logits.gather(-1, drawn[..., None]).squeeze(-1) >= logits.topk(2).values[..., 1]).all()


@pytest.mark.parametrize("temperature", [0, -1, float("nan"), float("inf")])
def test_temperatures_that_make_no_sense(temperature):
    with pytest.raises(InputError, match=r"temperature must be a number above 0, got .* top_k=1"):
        Choice(temperature=temperature)


@pytest.mark.parametrize("top_k", [0, -3, 6])
def test_more_values_than_there_are(top_k):
    with pytest.raises(InputError, match=f"top_k must be from 1 to 5, got {top_k}"):
        Choice(top_k=top_k).check(5)
    Choice(top_k=5).check(5)


@pytest.mark.parametrize("top_p", [0, -1, 1.1, float("nan")])
def test_nuclei_that_make_no_sense(top_p):
    with pytest.raises(InputError, match="top_p must be a number above 0 and up to 1, got"):
        Choice(top_p=top_p)
