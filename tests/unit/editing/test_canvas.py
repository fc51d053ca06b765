from __future__ import annotations

import pytest
import torch

from misen.core.errors import InputError
from misen.editing.canvas import Canvas


def test_the_middle_square_is_kept_at_the_models_size():
    wide = torch.zeros(1, 3, 8, 16)
    wide[..., 4:12] = 1
    canvas = Canvas.fit(wide, None, 4)
    assert canvas.image.shape == (1, 3, 4, 4)
    assert torch.equal(canvas.image, torch.ones(1, 3, 4, 4))
    assert canvas.known is None


def test_fitting_twice_changes_nothing():
    once = Canvas.fit(torch.rand(1, 3, 20, 20) * 2 - 1, torch.rand(1, 1, 20, 20), 8)
    twice = Canvas.fit(once.image, once.mask, 8)
    assert torch.equal(once.image, twice.image)
    assert torch.equal(once.mask, twice.mask)


def test_change_is_measured_where_allowed_and_elsewhere():
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    images = torch.zeros(2, 3, 4, 4)
    images[..., 0] = 2 / 255
    assert Canvas(torch.zeros(1, 3, 4, 4), mask).change(images) == pytest.approx({"repainted": 0.5, "kept": 0})


def test_sizes_must_agree():
    with pytest.raises(InputError, match="the mask is 4 x 8 and the picture 8 x 8"):
        Canvas.fit(torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 4), 8)
