"""The generator: designs, what is put into them, and what energies may move."""

from __future__ import annotations

import pytest
import torch

from misen.core.errors import ModelFileError
from misen.core.generator import Generator, Level, Repeatable, Rereading, Storable
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.generators.gan.samplers import Walk
from misen.generators.gan.translation.generator import PictureEncoder
from misen.synthesis.loop import synthesize
from misen.synthesis.plan import plan
from toys import ENCODERS, Tint, energies, shade, tint
from translators import MATCHED, SIZE, generator, some_map, some_vector

LEVEL = Level(0.0)
SEEDS = (1, 2)


@pytest.fixture
def told():
    return generator()


def begun(made):
    return made.start(2, Streams(SEEDS))


def test_it_has_the_capabilities_it_says(told):
    assert isinstance(told, Generator)
    assert isinstance(told, Storable)
    assert isinstance(told, Rereading)
    assert isinstance(begun(told), Repeatable)
    assert {name: (port.layout, port.width) for name, port in generator(MATCHED).ports.items()} == {
        "tint": ("map", 3), "face": ("map", 3)
    }  # fmt: skip


def test_unguided_it_stays(told):
    state = begun(told)
    torch.testing.assert_close(told.predict(state, LEVEL, {}).point, state.value)
    moved = state.moved(state.value + 1)
    torch.testing.assert_close(told.predict(moved, LEVEL, {}).point, moved.value)


def test_what_an_estimate_shows_is_what_the_finished_state_is(told):
    state = begun(told)
    estimate = told.predict(state, LEVEL, {"tint": some_map(3), "shade": some_vector()})
    finished = told.finish(state.moved(estimate.point))
    assert finished.shape == (2, 3, SIZE, SIZE)
    torch.testing.assert_close(estimate.view(estimate.point).image, finished)


def test_maps_stay_and_are_replaced_by_others(told):
    state = begun(told)
    state = state.moved(told.predict(state, LEVEL, {"tint": some_map(3)}).point)
    torch.testing.assert_close(told.predict(state, LEVEL, {}).point, state.value)
    other = told.predict(state, LEVEL, {"tint": some_map(3, seed=1)}).point
    torch.testing.assert_close(other[:, :3], state.value[:, :3])
    assert (other - state.value)[:, 3:].abs().max() > 1e-4


def test_vectors_settle_the_style_once(told):
    state = begun(told)
    first = told.predict(state, LEVEL, {"shade": some_vector()}).point
    assert (first - state.value)[:, :3].abs().max() > 1e-4
    again = told.predict(state.moved(first), LEVEL, {"shade": some_vector()}).point
    torch.testing.assert_close(again, first)


@pytest.mark.parametrize("placed", [True, False])
def test_energies_move_the_style_and_only_maps_that_nobody_gives(told, placed):
    given = {"tint": some_map(3)} if placed else {}
    estimate = told.predict(begun(told), LEVEL, given)
    point = estimate.point.detach().requires_grad_()
    [slope] = torch.autograd.grad(estimate.view(point).image.square().sum(), point)
    assert slope[:, :3].abs().min() > 0
    assert (slope[:, 3:].abs().max() > 0) == (not placed)


def test_both_parts_of_a_design_are_about_as_long():
    """Otherwise the step of an energy, a share of the whole, would be all or nothing for one of them."""
    made = generator()
    style, field = begun(made).value[:, :3], made.predict(begun(made), LEVEL, {"tint": some_map(3)}).point[:, 3:]
    assert 0.05 < field.norm() / style.norm() < 20


def test_an_exemplar_alone_changes_the_answer():
    made = generator(MATCHED)
    state = made.start(2, Streams(SEEDS))
    assert not torch.allclose(made.predict(state, LEVEL, {"face": some_map(3)}).point, state.value)


def test_an_exemplar_is_read_as_the_picture_that_it_is(told):
    own = generator(MATCHED).own_encoders(ENCODERS)
    assert told.own_encoders(ENCODERS) == {}
    assert list(own) == ["face"]
    assert isinstance(own["face"], PictureEncoder)
    color = Tint(torch.tensor([[0.5, -1.0, 0.0]]))
    condition = own["face"].encode(color, "map")
    assert own["face"].width("map") == condition.value.shape[1]
    assert torch.equal(condition.value, color.preview(SIZE))


def test_a_design_can_be_kept(told):
    state = begun(told)
    kept = told.unpack(told.pack(state))
    assert torch.equal(kept.value, state.value)
    assert not kept.drawn
    for wrong in ({}, {"design": torch.zeros(2, 4)}):
        with pytest.raises(ModelFileError, match="a design"):
            told.unpack(wrong)


def test_a_repeated_state_begins_the_same(told):
    state = begun(told).repeat(2)
    assert state.drawn
    assert torch.equal(state.value[0], state.value[1])


def test_maps_lead_natively_while_an_energy_walks_the_style():
    made, sampler = generator(), Walk(20)
    map_like = {"encoders": {"tint": ENCODERS["tint"]}, "energies": energies()}
    wishes = [Guidance(signal=tint((0.2, 0.1, -0.3))), Guidance(signal=shade((0.9, 0.9, 0.9)), route="consistency")]
    alone = plan(made, wishes[:1], sampler=sampler, **map_like)
    both = plan(made, wishes, sampler=sampler, **map_like)
    assert [decision.route for decision in both.decisions] == ["native", "consistency"]
    plain = synthesize(made, sampler, alone, seeds=SEEDS)
    walked = synthesize(made, sampler, both, seeds=SEEDS)
    assert (len(plain.trace), len(walked.trace)) == (1, 20)
    assert walked.images.mean() > plain.images.mean() + 0.01
    torch.testing.assert_close(walked.state.value[:, 3:], plain.state.value[:, 3:])
