from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.synthesis import Known, LowPass
from misen.synthesis.project import composite, low_pass, project
from toys import ToyDiffusion


def test_a_known_part_is_forced_and_nothing_else():
    generator = ToyDiffusion()
    state, free = generator.start(1, Streams([0])), torch.zeros(1, 1, 8, 8)
    free[..., :4] = 1
    known = Known(torch.full((1, 3, 8, 8), 0.25), free)
    predict = project(lambda s, level: generator.predict(s, level, {}), known.force(generator))
    point, alone = predict(state, Level(0, 1.0)).point, generator.predict(state, Level(0, 1.0), {}).point
    assert torch.equal(point[..., 4:], known.image[..., 4:])
    assert torch.equal(point[..., :4], alone[..., :4])


def test_what_is_known_is_no_move():
    generator, state = ToyDiffusion(), ToyDiffusion().start(1, Streams([0]))
    known = Known(torch.full((1, 3, 8, 8), 0.25), torch.zeros(1, 1, 8, 8))

    def moved(state, level):
        estimate = generator.predict(state, level, {})
        return replace(estimate, point=estimate.point + 1, guess=estimate.point)

    estimate = project(moved, known.force(generator))(state, Level(0, 1.0))
    assert torch.equal(estimate.point, known.image)
    assert torch.equal(estimate.guess, known.image)


def test_composite_returns_kept_pixels_bit_for_bit_and_blends_soft_edges():
    known, image = torch.rand(1, 3, 4, 4) * 2 - 1, torch.full((1, 3, 4, 4), torch.nan)
    assert torch.equal(composite(image, Known(known, torch.zeros(1, 1, 4, 4))), known)
    half = composite(torch.ones(1, 3, 4, 4), Known(-torch.ones(1, 3, 4, 4), torch.full((1, 1, 4, 4), 0.5)))
    assert torch.equal(half, torch.zeros(1, 3, 4, 4))


def size(pictures: torch.Tensor) -> float:
    """Root mean square."""
    return float(pictures.square().mean().sqrt())


def test_a_low_pass_is_linear_and_keeps_what_is_flat_but_no_stripes():
    first, second = torch.randn(2, 1, 3, 16, 16)
    assert torch.allclose(low_pass(first + 2 * second, 4), low_pass(first, 4) + 2 * low_pass(second, 4), atol=1e-5)
    flat = torch.full((1, 3, 16, 16), 0.3)
    assert torch.allclose(low_pass(flat, 4), flat)
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 3, 16, 16)
    assert size(low_pass(stripes, 4)) < 0.05


def test_coarse_parts_are_pulled_towards_the_picture_until_they_are_set_free():
    picture, point = torch.rand(1, 3, 8, 8), torch.randn(1, 3, 8, 8)
    force = LowPass(picture, 4, until=0.5).force(ToyDiffusion())
    forced = force(point, Level(0.25))
    assert size(low_pass(forced - picture, 4)) < 0.5 * size(low_pass(point - picture, 4))
    assert torch.equal(force(point, Level(0.5)), point)


@pytest.mark.parametrize("factor", [2, 4, 8, 16])
def test_finished_pixels_have_the_low_pass_of_the_picture_and_their_own_details(factor):
    picture, images = torch.rand(1, 3, 16, 16) * 2 - 1, torch.randn(4, 3, 16, 16).clamp(-1, 1)
    finished = LowPass(picture.expand(4, -1, -1, -1), factor).finish(images)
    assert size(low_pass(finished - picture, factor)) <= 0.02
    assert finished.abs().max() <= 1
    assert size(finished - picture) > 0.3
    assert torch.equal(LowPass(picture, factor, until=0.9).finish(images), images)


@pytest.mark.parametrize(("rows", "columns", "factor"), [(16, 32, 4), (24, 40, 8), (10, 27, 4), (48, 16, 32)])
def test_pictures_need_not_be_square(rows, columns, factor):
    flat = torch.full((1, 3, rows, columns), 0.3)
    assert torch.allclose(low_pass(flat, factor), flat)
    picture = torch.rand(1, 3, rows, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1
    turned = low_pass(picture.mT, factor).mT
    assert torch.allclose(low_pass(picture, factor), turned, atol=1e-6)
    images = torch.randn(2, 3, rows, columns).clamp(-1, 1)
    finished = LowPass(picture.expand(2, -1, -1, -1), factor).finish(images)
    assert finished.shape == images.shape
    assert size(low_pass(finished - picture, factor)) <= 0.02


def test_coarse_cells_of_other_pictures_are_as_square_as_can_be():
    ramp = torch.linspace(-1, 1, 32).expand(1, 3, 16, 32)
    square = low_pass(ramp[..., :16].contiguous(), 4)
    assert torch.allclose(low_pass(ramp, 4)[..., :10], square[..., :10], atol=1e-5)


def test_the_factor_is_limited_by_the_shorter_side():
    wide = LowPass(torch.zeros(1, 3, 8, 32), 16)
    assert wide.refusal(ToyDiffusion()) == "low-pass: the factor must be from 2 to 8 here, got 16"
    assert LowPass(torch.zeros(1, 3, 8, 32), 8).refusal(ToyDiffusion()) == ""
