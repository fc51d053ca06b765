"""Tuning of a generator that predicts its condition plus one learned number."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from misen.core.condition import Condition
from misen.core.errors import ConfigError
from misen.core.generator import Player, Tunable
from misen.training.tuning import Lesson, LessonBatches, TuningPlayer, descend, draw


@dataclass
class Guess:
    network: nn.Module = field(default_factory=lambda: nn.Linear(1, 2))

    def loss(self, point, conditions, rng):
        made = conditions["hint"].value + self.network.bias + 0 * rng.normal(2)
        return (made - point).square().mean(dim=1)

    def twin(self):
        return Guess()


def lesson(point: float, hint: float, count: int, weight: float = 1.0) -> Lesson:
    condition = Condition.full("vector", torch.full((1, 2), hint)).repeat(count)
    return Lesson(torch.full((count, 2), point), {"hint": condition}, weight)


def test_a_generator_with_a_network_and_its_loss_is_tunable():
    assert isinstance(Guess(), Tunable)
    assert isinstance(TuningPlayer(Guess(), []), Player)


def test_lessons_share_a_batch_and_keep_their_conditions_and_weights():
    batch = LessonBatches([lesson(1.0, 2.0, 3), lesson(5.0, 6.0, 100, weight=0.5)], 4, seed=0)(0)
    assert batch["points"][:, 0].tolist() == [1, 1, 5, 5]
    assert batch["conditions"]["hint"].value[:, 0].tolist() == [2, 2, 6, 6]
    assert batch["weights"].tolist() == [1, 1, 0.5, 0.5]


def test_a_step_is_a_function_of_its_number():
    batches = LessonBatches([lesson(1.0, 2.0, 3)], 4, seed=0)
    assert torch.equal(batches(7)["seeds"], batches(7)["seeds"])
    assert not torch.equal(batches(7)["seeds"], batches(8)["seeds"])


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ConfigError, match="batch_size 3 cannot be shared equally"):
        LessonBatches([lesson(0.0, 0.0, 1), lesson(0.0, 0.0, 1)], 3, seed=0)


def test_all_items_are_drawn_equally_often():
    assert sorted(draw(3, 6, 0, "x").tolist()) == [0, 0, 1, 1, 2, 2]
    assert len(set(draw(100, 50, 0, "x").tolist())) == 50


def test_the_prior_pulls_by_its_weight():
    errors = []
    for weight in (0.0, 1.0):
        player = TuningPlayer(guess := Guess(), [guess.network.bias])
        batches = LessonBatches([lesson(1.0, 0.0, 2), lesson(0.0, 0.0, 2, weight)], 4, seed=0)
        descend(player, batches, steps=200, rate=0.05)
        errors.append(guess.network.bias.detach())
    torch.testing.assert_close(errors[0], torch.ones(2), atol=0.02, rtol=0)
    torch.testing.assert_close(errors[1], torch.full((2,), 0.5), atol=0.02, rtol=0)


def test_what_is_too_little_for_few_bits_is_kept_beside_them():
    guess = Guess()
    guess.network.bias.data = torch.ones(2, dtype=torch.bfloat16)
    kept = nn.Parameter(torch.ones(2))
    player, batches = TuningPlayer(guess, [guess.network.bias]), LessonBatches([lesson(1.1, 0.0, 1)], 2, 0)
    descend(player, batches, steps=150, rate=1e-3, exact=[kept])
    torch.testing.assert_close(kept.detach(), torch.full((2,), 1.1), atol=0.01, rtol=0)
    assert torch.equal(guess.network.bias, kept.bfloat16())


def test_only_what_is_free_learns_and_in_the_end_nothing_does():
    guess = Guess()
    guess.network.requires_grad_(False)
    before, bias = guess.network.weight.clone(), guess.network.bias.clone()
    descend(TuningPlayer(guess, [guess.network.bias]), LessonBatches([lesson(1.0, 0.0, 1)], 1, 0), steps=3, rate=0.1)
    assert torch.equal(guess.network.weight, before)
    assert not any(parameter.requires_grad for parameter in guess.network.parameters())
    assert guess.network.bias.grad is None
    assert not torch.equal(guess.network.bias, bias)
