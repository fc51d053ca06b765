"""Null-text: only the answer to no condition is replaced, and learning it lets a large scale rebuild the picture."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from misen.core.condition import Condition
from misen.core.errors import Unreachable
from misen.core.generator import Nullable, Projectable, Startable, Storable, answering
from misen.core.seeding import Streams
from misen.inversion import NullText, invert_null_text
from misen.synthesis import Resume, synthesize
from toys import ToyDiffusion


def test_only_the_answer_to_nothing_is_replaced(generator, sampler, pictures) -> None:
    other = {"stock": replace(generator.null(2)["stock"], value=torch.ones(2, 64, 8))}
    nulls = NullText(generator, [generator.null(2), other, other, other])
    first, second, *_ = sampler.levels(guided=False)
    tinted = {"vector": Condition.full("vector", torch.ones(2, 3))}
    absent = {"vector": tinted["vector"].where(torch.tensor([False, False]))}
    with torch.no_grad():
        state = generator.restart(generator.encode(pictures), None, Streams((0, 0)))
        answers = [nulls.predict(state, level, given).point for level in (first, second) for given in ({}, tinted)]
        inner = [generator.predict(state, level, given).point for level in (first, second) for given in ({}, tinted)]
        without = nulls.predict(state, second, absent).point
    assert torch.allclose(answers[0], inner[0], atol=1e-5)  # the null itself, stated
    assert not torch.allclose(answers[2], inner[2], atol=1e-4)
    assert torch.equal(answers[1], inner[1])
    assert torch.equal(answers[3], inner[3])
    assert torch.equal(without, answers[2])


def test_a_wrapped_generator_can_do_what_the_inner_one_can(generator) -> None:
    wrapped: Any = answering(generator, NullText(generator, [generator.null(1)]).predict)
    assert all(isinstance(wrapped, capability) for capability in (Startable, Projectable, Nullable, Storable))
    assert not isinstance(NullText(copy.copy(generator), []), Startable)
    assert wrapped.size == generator.size
    assert generator.predict != wrapped.predict


def test_learning_the_null_rebuilds_at_a_large_scale(generator, sampler, tinted, pictures) -> None:
    heard: list[float] = []
    strong = tinted(5.0)
    untouched = invert_null_text(generator, sampler, strong, pictures, iterations=0)
    learned = invert_null_text(generator, sampler, strong, pictures, watch=heard.append)
    assert (learned.fidelity.codec - untouched.fidelity.codec).min() > 0
    assert heard == sorted(heard)
    assert heard[-1] == 1
    assert len(learned.nulls) == sampler.steps
    assert not any(value.requires_grad for null in learned.nulls for value in [null["stock"].value])
    follower = answering(generator, NullText(generator, learned.nulls).predict)
    again = synthesize(follower, sampler, strong, seeds=(1, 2), start=Resume(learned.state)).images
    assert torch.allclose(again, learned.images, atol=1e-5)


def test_nothing_is_learned_where_nothing_is_extrapolated(generator, sampler, tinted, pictures) -> None:
    found = invert_null_text(generator, sampler, tinted(1.0), pictures[:1], refinements=0)
    assert all(torch.equal(null["stock"].value, generator.null(1)["stock"].value) for null in found.nulls)


def test_what_leaves_no_null_to_learn_says_so(generator, sampler, tinted, pictures) -> None:
    with pytest.raises(Unreachable, match="does not state"):
        invert_null_text(ToyDiffusion(), sampler, tinted(), pictures)
    strong = tinted(5.0)
    with pytest.raises(Unreachable, match="pushed away"):
        invert_null_text(generator, sampler, replace(strong, negatives=strong.decisions), pictures)
