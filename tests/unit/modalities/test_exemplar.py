"""Exemplars: the middle square of any picture, in bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from misen.core.errors import FormatError, InputError
from misen.core.image import to_bytes
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
