"""What every sampler keeps, whatever it samples."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from families import GENERATORS, STEPS, generator, samplers
from misen.core.generator import Annealing, Movable, Sampler, Startable
from misen.core.seeding import Streams
from misen.synthesis.plan import stages
from misen.synthesis.schedule import truncate

PAIRS = [(name, sampler) for name in GENERATORS for sampler in samplers(name)]

pytestmark = [pytest.mark.parametrize(("name", "sampler"), PAIRS)]


def made(name: str, sampler: str) -> Sampler:
    return samplers(name)[sampler](STEPS)


@torch.no_grad()
def walk(name, sampler, seeds, predict=None, guided=True):
    """The picture at the end, and how often the generator was asked."""
    family, rng, asked = generator(name), Streams(seeds), []
    state, mover = family.start(len(seeds), rng), made(name, sampler)

    def counted(state, level):
        asked.append(level)
        return family.predict(state, level, {}) if predict is None else predict(state, level)

    for level in mover.levels(guided=guided):
        state = mover.step(state, level, counted, rng)
    return family.finish(state), asked


def test_it_is_a_sampler_and_has_a_name(name, sampler):
    assert isinstance(made(name, sampler), Sampler)
    assert made(name, sampler).name


def test_levels_go_forward_and_down(name, sampler):
    for guided in (False, True):
        levels = made(name, sampler).levels(guided=guided)
        assert levels[0].progress == 0
        assert all(now.progress < then.progress < 1 for now, then in pairwise(levels))
        assert all(now.sigma >= then.sigma and now.next_sigma == then.sigma for now, then in pairwise(levels))
        assert levels[-1].next_sigma == 0


def test_a_stepping_sampler_takes_the_steps_it_was_asked_for(name, sampler):
    if not isinstance(made(name, sampler), Annealing):
        assert len(made(name, sampler).levels(guided=True)) == STEPS


def test_annealing_falls_within_zero_and_one(name, sampler):
    mover = made(name, sampler)
    if isinstance(mover, Annealing):
        left = [mover.anneal(level) for level in mover.levels(guided=True)]
        assert all(1 >= now >= then >= 0 for now, then in pairwise(left))


def test_a_constant_answer_is_where_it_arrives(name, sampler):
    family = generator(name)
    with torch.no_grad():
        target = goal(family, made(name, sampler).levels(guided=True)[0])
    picture, _ = walk(name, sampler, (4,), lambda state, level: target)
    assert torch.allclose(picture, finished(family, target).clamp(picture.min(), picture.max()), atol=2e-3)


def goal(family, level):
    """An estimate; of a picture where there can be one, since what is foreseen may be drawn from, not gone to."""
    estimate = family.predict(family.start(1, Streams((9,))), level, {})
    if not isinstance(family, Startable):
        return estimate
    return estimate.at(family.encode(torch.rand(1, 3, family.size, family.size) * 2 - 1))


def finished(family, target):
    """The picture at an estimate; of a state that has come there, where there is one, since a view may be a preview."""
    state = family.start(1, Streams((4,)))
    if isinstance(state, Movable):
        with torch.no_grad():
            return family.finish(state.at(target.point))
    return target.view(target.point).image


def test_each_level_is_asked_about_as_often_as_the_sampler_says(name, sampler):
    _, asked = walk(name, sampler, (1,))
    mover = made(name, sampler)
    assert len(asked) >= STEPS or isinstance(mover, Annealing)
    assert len(asked) <= stages(mover) * len(mover.levels(guided=True))


def test_item_k_of_a_batch_is_the_single_run(name, sampler):
    batch, _ = walk(name, sampler, (1, 2, 3))
    for index, seed in enumerate((1, 2, 3)):
        assert torch.allclose(walk(name, sampler, (seed,))[0][0], batch[index], atol=1e-3)


def test_the_same_seeds_give_the_same_picture(name, sampler):
    assert torch.equal(walk(name, sampler, (1,))[0], walk(name, sampler, (1,))[0])


def test_a_walk_can_begin_in_the_middle(name, sampler):
    family, rng, mover = generator(name), Streams((1,)), made(name, sampler)
    if not isinstance(family, Startable):
        return
    levels = truncate(mover.levels(guided=True), 0.5)
    with torch.no_grad():
        state = family.restart(family.encode(torch.zeros(1, 3, family.size, family.size)), levels[0], rng)
        for level in levels:
            state = mover.step(state, level, lambda s, at: family.predict(s, at, {}), rng)
    assert torch.isfinite(family.finish(state)).all()
