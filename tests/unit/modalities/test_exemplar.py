"""Exemplars: the middle square of any picture, in bytes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from misen.core.energy import Placeless
from misen.core.errors import FormatError, InputError
from misen.core.image import to_bytes
from misen.core.view import View
from misen.modalities.exemplar.energy import ExemplarEnergy
from misen.modalities.exemplar.signal import Exemplar


def test_pictures_and_tensors_say_the_same(truth) -> None:
    pixels = to_bytes(truth.exemplar)
    assert torch.equal(Exemplar(list(pixels.numpy())).image, Exemplar(truth.exemplar).image)
    assert (Exemplar(truth.exemplar).image - truth.exemplar).abs().max() <= 1 / 255 + 1e-6


def test_the_middle_square_counts() -> None:
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[:, 32:96] = 255
    assert Exemplar(wide).image.eq(1).all()


@pytest.mark.parametrize("wrong", [torch.zeros(3, 8, 8), torch.full((1, 3, 8, 8), 2.0), torch.zeros(1, 3, 8, 8).int()])
def test_tensors_that_are_no_pictures_are_refused(wrong: torch.Tensor) -> None:
    with pytest.raises(InputError, match="exemplar must be"):
        Exemplar(wrong)


def test_json_must_hold_a_picture() -> None:
    with pytest.raises(FormatError, match="exemplar"):
        Exemplar.from_json([{"png": "bm8="}])


# --- energies --------------------------------------------------------------------------------------------------------


def look(images: torch.Tensor) -> SimpleNamespace:
    """Sees colors: on two grids, and as an identity."""
    return SimpleNamespace(
        identity=functional.normalize(images.mean((2, 3)), dim=1),
        pyramid=(functional.avg_pool2d(images, 2), functional.avg_pool2d(images, 4)),
    )


def measured(measure: str, images: torch.Tensor, exemplar: Exemplar) -> torch.Tensor:
    return ExemplarEnergy(look).measures[measure].begin(exemplar, View(images))(View(images))


MEASURES = list(ExemplarEnergy(look).measures)


@pytest.fixture
def exemplar() -> Exemplar:
    return Exemplar(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_exemplar_itself_costs_nothing_and_a_step_down_the_gradient_lowers_the_energy(measure, exemplar) -> None:
    assert measured(measure, exemplar.image, exemplar).abs().max() <= 1e-5
    other = (torch.rand(2, 3, 64, 64) * 2 - 1).requires_grad_()
    before = measured(measure, other, exemplar)
    assert (before > 0).all()
    [gradient] = torch.autograd.grad(before.sum(), other)
    step = 0.1 * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
    assert (measured(measure, (other - step).detach(), exemplar) < before).all()


@pytest.mark.parametrize("measure", MEASURES)
def test_style_and_identity_say_nothing_of_places_and_content_does(measure, exemplar) -> None:
    mirrored = measured(measure, exemplar.image.flip(3), exemplar)
    places = measure.startswith("content")
    assert (mirrored > 0.01).all() if places else (mirrored.abs() <= 1e-4).all()
    assert isinstance(ExemplarEnergy(look).measures[measure], Placeless) is not places


def test_cosine_ignores_contrast_and_squared_distance_does_not(exemplar) -> None:
    pale = exemplar.image / 2
    for what in ("content", "style"):
        assert measured(what, pale, exemplar).abs().max() <= 1e-5
        assert (measured(f"{what}-l2", pale, exemplar) > 0.1).all()
