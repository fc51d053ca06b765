from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from misen.perception.objective import IMPORTANCE, attribute_loss, facing_of, observer_losses, wrapped
from misen.perception.reading import Reading
from misen.scene.attributes import ATTRIBUTES
from misen.scene.truth import Truth


def test_a_perfect_reading_costs_nothing(truth: Truth, perfect: Callable[[Truth], Reading]):
    reading = perfect(truth)
    losses = observer_losses(reading, truth, reading.identity)
    assert losses.keys() == IMPORTANCE.keys()
    assert all(loss.item() == pytest.approx(0, abs=2e-3) for loss in losses.values()), losses


HEADS = ("attributes", "segmentation", "landmarks", "depth", "expression", "facing", "identity")


@pytest.mark.parametrize("head", HEADS)
def test_a_wrong_head_costs_in_its_own_term_alone(truth: Truth, perfect: Callable[[Truth], Reading], head: str):
    reading = perfect(truth)
    wrong = replace(reading, **{head: getattr(reading, head).roll(1, dims=0)})
    losses = observer_losses(wrong, truth, reading.identity)
    assert losses[head] > 0.02
    assert sum(losses.values()) == pytest.approx(losses[head].item(), abs=5e-3)


def test_what_cannot_be_seen_is_not_learned():
    logits = torch.zeros(2, sum(map(len, ATTRIBUTES)), requires_grad=True)
    visible = torch.zeros(2, 16, dtype=torch.bool)
    visible[1] = True
    attribute_loss(logits, torch.zeros(2, 16, dtype=torch.long), visible).backward()
    assert logits.grad[0].abs().sum() == 0
    assert logits.grad[1].abs().min() > 0


def test_facing_follows_the_turned_head_over_the_full_circle():
    degrees = torch.tensor([0.0, -59, 61, -119, 121, 180, 350, -300])
    assert facing_of(torch.deg2rad(degrees)).tolist() == [0, 0, 1, 1, 2, 2, 0, 1]


def test_wrapped_angles_lie_within_half_a_turn():
    angles = torch.tensor([3.5, -3.5, 7.0])
    expected = angles - 2 * math.pi * torch.tensor([1, -1, 1])
    torch.testing.assert_close(wrapped(angles), expected)
