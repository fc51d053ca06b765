"""What every generator keeps, whatever its family."""

from __future__ import annotations

import pytest
import torch

from families import GENERATORS, SHIPPED, STEPS, generator, opened, samplers
from misen import assembly
from misen.core.condition import Condition
from misen.core.errors import ModelFileError, NotFoundError
from misen.core.execution import Execution
from misen.core.generator import (
    Centred,
    Executable,
    Generator,
    Gridded,
    Joint,
    Movable,
    Nullable,
    Opaque,
    Player,
    Precise,
    Projectable,
    Repeatable,
    Rereading,
    Retunable,
    Reusing,
    Startable,
    Storable,
    Trainable,
    Tunable,
)
from misen.core.seeding import Streams

pytestmark = pytest.mark.parametrize("name", GENERATORS)


def first_level(name):
    return next(iter(samplers(name).values()))(STEPS).levels(guided=True)[0]


def given(made: Generator, batch: int, *, present: bool = True) -> dict[str, Condition]:
    """A condition for every port."""
    shapes = {"vector": (), "tokens": (64,), "map": (made.size, made.size)}
    conditions = {}
    for name, port in made.ports.items():
        extent = shapes[port.layout]
        shape = (batch, *extent, port.width) if port.layout == "tokens" else (batch, port.width, *extent)
        value = torch.rand(shape, generator=torch.Generator().manual_seed(1))
        conditions[name] = Condition.full(port.layout, value).where(torch.full((batch,), present))
    return conditions


@torch.no_grad()
def estimate(name, seeds, conditions=None):
    made = generator(name)
    return made.predict(made.start(len(seeds), Streams(seeds)), first_level(name), conditions or {})


def test_it_is_a_generator(name):
    assert isinstance(generator(name), Generator)


def test_an_estimate_is_finite_and_shows_pictures(name):
    answer, size = estimate(name, (1, 2)), generator(name).size
    view = answer.view(answer.point)
    assert torch.isfinite(answer.point).all()
    assert view.image.shape == (2, 3, size, size)
    assert torch.isfinite(view.image).all()


def test_the_same_question_has_the_same_answer(name):
    assert torch.equal(estimate(name, (1,)).point, estimate(name, (1,)).point)


def test_item_k_of_a_batch_is_the_single_run(name):
    batch = estimate(name, (1, 2, 3)).point
    for index, seed in enumerate((1, 2, 3)):
        assert torch.allclose(estimate(name, (seed,)).point[0], batch[index], atol=1e-4)


def test_a_port_not_named_gets_its_null_condition(name):
    absent = estimate(name, (1, 2), given(generator(name), 2, present=False)).point
    assert torch.allclose(absent, estimate(name, (1, 2)).point, atol=1e-5)


def test_tokens_can_be_joined(name):
    made = generator(name)
    for port, condition in given(made, 2).items():
        if condition.layout == "tokens":
            twice = Condition.full("tokens", torch.cat([condition.value, condition.value], 1))
            assert torch.isfinite(estimate(name, (1, 2), {port: twice}).point).all()
            absent = estimate(name, (1, 2), {port: twice.where(torch.tensor([False, False]))})
            assert torch.allclose(absent.point, estimate(name, (1, 2)).point, atol=1e-5)


def test_a_condition_changes_the_answer(name):
    made = generator(name)
    for port, condition in given(made, 2).items():
        assert not torch.allclose(estimate(name, (1, 2), {port: condition}).point, estimate(name, (1, 2)).point)


def test_any_affine_sum_of_points_can_be_shown(name):
    first, second = estimate(name, (1,)), estimate(name, (2,))
    assert torch.isfinite(first.view(3 * first.point - 2 * second.point).image).all()


def test_the_decoder_is_differentiable_unless_the_generator_says_why_not(name):
    made = generator(name)
    if isinstance(made, Opaque):
        assert made.opaque
        return
    answer = estimate(name, (1,))
    point = answer.point.detach().requires_grad_()
    [gradient] = torch.autograd.grad(answer.view(point).image.sum(), point)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().max() > 0


def test_a_picture_can_be_the_start(name):
    made = generator(name)
    if not isinstance(made, Startable):
        return
    picture = torch.rand(2, 3, made.size, made.size) * 2 - 1
    with torch.no_grad():
        kept = made.finish(made.restart(made.encode(picture), None, Streams((1, 2))))
        again = made.finish(made.restart(made.encode(picture), None, Streams((3, 4))))
        ahead = made.restart(made.encode(picture), first_level(name), Streams((1, 2)))
    assert kept.shape == picture.shape
    assert torch.equal(kept, again)
    assert torch.isfinite(made.finish(ahead)).all()


def test_a_known_part_weighs_between_free_and_known(name):
    made = generator(name)
    if not isinstance(made, Projectable):
        return
    mask = torch.zeros(1, 1, made.size, made.size)
    mask[..., : made.size // 2] = 1
    answer, free = estimate(name, (1,)), made.known(mask)
    given = made.encode(torch.zeros(1, 3, made.size, made.size))
    forced = free * answer.point + (1 - free) * given
    assert forced.shape == given.shape
    assert torch.isfinite(answer.view(forced).image).all()
    assert free.min() == 0
    assert free.max() == 1
    assert torch.equal(made.known(torch.ones_like(mask)), torch.ones_like(free))


def test_a_grid_has_the_pictures_size_over_its_stride(name):
    made = generator(name)
    if not isinstance(made, Gridded):
        return
    assert estimate(name, (1,)).point.shape[-2:] == (made.size // made.stride,) * 2


def test_ports_fit_the_encoders_of_what_they_were_trained_on(name):
    if name not in SHIPPED:
        return
    for port in generator(name).ports.values():
        for modality in port.trained_on:
            assert opened(name).encoders[modality].width(port.layout) == port.width


def test_encoders_of_its_own_fit_its_ports(name):
    made = generator(name)
    if isinstance(made, Rereading):
        for modality, encoder in made.own_encoders(assembly.encoders()).items():
            assert encoder.width(made.ports[modality].layout) == made.ports[modality].width


# --- states ----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def begun(name, seeds=(1, 2)):
    """A state after one step."""
    made, rng, sampler = generator(name), Streams(seeds), next(iter(samplers(name).values()))(STEPS)
    return sampler.step(
        made.start(len(seeds), rng), first_level(name), lambda state, level: made.predict(state, level, {}), rng
    )


def test_what_the_network_reads_has_the_shape_of_points(name):
    state = begun(name)
    if isinstance(state, Movable):
        assert state.value.shape == estimate(name, (1, 2)).point.shape
        assert torch.equal(state.at(state.value + 1).value, state.value + 1)


@torch.no_grad()
def test_a_state_that_serves_several_pictures_has_each_item_in_a_row(name):
    made, state = generator(name), begun(name)
    if not isinstance(state, Repeatable):
        return
    several = state.repeat(2)
    assert torch.equal(several.value, state.value.repeat_interleave(2, 0))
    assert torch.allclose(made.finish(several), made.finish(state).repeat_interleave(2, 0), atol=1e-4)
    answers = [made.predict(one, first_level(name), {}).point for one in (several, state)]
    assert torch.allclose(answers[0], answers[1].repeat_interleave(2, 0), atol=1e-4)


@torch.no_grad()
def test_a_state_that_was_kept_is_gone_on_from(name):
    made, state = generator(name), begun(name)
    if not isinstance(made, Storable):
        return
    kept = made.pack(state)
    again = made.unpack({key: tensor.clone() for key, tensor in kept.items()})
    assert torch.equal(made.finish(again), made.finish(state))
    answers = [made.predict(one, first_level(name), {}).point for one in (again, state)]
    assert torch.allclose(*answers, atol=1e-5)
    for wrong in ({}, {key: tensor[:, :-1] for key, tensor in kept.items()}):
        with pytest.raises(ModelFileError):
            made.unpack(wrong)


@torch.no_grad()
def test_what_is_typical_is_a_point_and_of_what_was_moved_its_own(name):
    made, moved = generator(name), begun(name)
    if not isinstance(made, Centred):
        return
    typical = made.typical(made.start(2, Streams((1, 2))))
    assert typical.shape == moved.value.shape
    assert torch.equal(typical[0], typical[1])
    assert torch.equal(made.typical(moved), moved.value)


# --- answers in other ways -------------------------------------------------------------------------------------------


def test_the_null_condition_that_it_states_is_that_of_ports_not_named(name):
    made = generator(name)
    if isinstance(made, Nullable):
        assert torch.allclose(estimate(name, (1, 2), made.null(2)).point, estimate(name, (1, 2)).point, atol=1e-5)


@torch.no_grad()
def test_several_questions_at_once_have_the_answers_of_each(name):
    made = generator(name)
    if not isinstance(made, Joint):
        return
    asked = [{}, given(made, 2)]
    together = made.predict_jointly(made.start(2, Streams((1, 2))), first_level(name), asked)
    for one, conditions in zip(together, asked, strict=True):
        assert torch.allclose(one.point, estimate(name, (1, 2), conditions).point, atol=1e-4)


@torch.no_grad()
def test_full_precision_is_that_of_the_networks_as_they_were_built(name):
    made = generator(name)
    if not isinstance(made, Precise):
        return
    with made.full_precision() as exact:
        answer = exact.predict(made.start(2, Streams((1, 2))), first_level(name), {}).point
    assert answer.dtype == torch.float32
    assert torch.allclose(answer, estimate(name, (1, 2)).point, atol=1e-4)


@torch.no_grad()
def test_run_otherwise_it_answers_nearly_the_same_and_stays_as_it_was(name):
    made, before = generator(name), estimate(name, (1, 2)).point
    if not isinstance(made, Executable):
        return
    other = made.executed(Execution("bfloat16"))
    near = other.predict(made.start(2, Streams((1, 2))), first_level(name), {}).point
    assert near.dtype == before.dtype
    assert (near - before).abs().mean() < 0.05 * before.abs().mean()
    assert torch.equal(estimate(name, (1, 2)).point, before)


@torch.no_grad()
def test_the_first_answer_of_one_that_keeps_features_is_the_whole_networks(name):
    made = generator(name)
    if isinstance(made, Reusing):
        answer = made.reusing(2).predict(made.start(2, Streams((1, 2))), first_level(name), {}).point
        assert torch.allclose(answer, estimate(name, (1, 2)).point, atol=1e-4)


# --- learning --------------------------------------------------------------------------------------------------------


def test_players_have_names_and_something_to_learn(name):
    made = generator(name)
    if isinstance(made, Trainable):
        players = list(made.players())
        assert all(isinstance(player, Player) and [*player.module.parameters()] for player in players)
        assert len({player.name for player in players}) == len(players) > 0


def test_a_twin_learns_by_itself(name):
    made = generator(name)
    if not isinstance(made, Tunable):
        return
    twin, before = made.twin(), estimate(name, (1, 2)).point
    twin.network.requires_grad_()
    errors = twin.loss(before, {}, Streams((1, 2)))
    assert errors.shape == (2,)
    errors.sum().backward()
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in twin.network.parameters())
    with torch.no_grad():
        for parameter in twin.network.parameters():
            parameter.zero_()
    assert torch.equal(estimate(name, (1, 2)).point, before)


def test_where_nothing_was_learned_nothing_is_changed(name, tmp_path):
    made = generator(name)
    if isinstance(made, Retunable):
        with pytest.raises(NotFoundError):
            made.retuned(tmp_path, 1.0)
