"""What every generator keeps, whatever its family."""

from __future__ import annotations

import pytest
import torch

from families import GENERATORS, SHIPPED, STEPS, generator, samplers
from misen import assembly
from misen.core.condition import Condition
from misen.core.generator import Generator, Gridded, Opaque, Projectable, Startable
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
    made = generator(name)
    if not all(port.mixable for port in made.ports.values()):
        return
    absent = estimate(name, (1, 2), given(made, 2, present=False)).point
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
    free, point = made.known(mask), estimate(name, (1,)).point
    assert (free * point).shape == point.shape
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
    encoders = assembly.encoders()
    for port in generator(name).ports.values():
        for modality in port.trained_on:
            assert encoders[modality].width(port.layout) == port.width
