from __future__ import annotations

from dataclasses import replace

import torch

from misen.core.condition import Condition
from misen.generators.diffusion.joint import joint


def tokens(value, mask=None):
    return Condition.full("tokens", torch.full((2, 3, 1), value), mask)


def test_sets_stand_one_after_the_other_and_gaps_are_null():
    camera = Condition.full("vector", torch.ones(2, 4))
    both = joint([{}, {"text": tokens(1.0)}, {"text": tokens(2.0), "camera": camera}])
    assert both["text"].value[:, 0, 0].tolist() == [1, 1, 1, 1, 2, 2]
    assert both["text"].present.tolist() == [False, False, True, True, True, True]
    assert both["camera"].present.tolist() == [False] * 4 + [True] * 2
    assert both["text"].mask is None


def test_masks_are_kept():
    first, second = torch.tensor([[True, True, False]] * 2), torch.tensor([[True, False, False]] * 2)
    both = joint([{"text": tokens(1.0, first)}, {"text": tokens(2.0, second)}])
    assert torch.equal(both["text"].mask, torch.cat([first, second]))


def test_nothing_asked_is_nothing_given():
    assert joint([{}, {}]) == {}


def test_conditions_of_other_shapes_or_strengths_stay_apart():
    longer = Condition.full("tokens", torch.zeros(2, 6, 1))
    assert joint([{"text": tokens(1.0)}, {"text": longer}]) is None
    assert joint([{"text": tokens(1.0)}, {"text": replace(tokens(1.0), strength=0.5)}]) is None
    assert joint([{"text": tokens(1.0)}, {"text": tokens(1.0, torch.ones(2, 3, dtype=torch.bool))}]) is None
