from __future__ import annotations

import pytest
import torch
from skimage.color import rgb2lab

from misen.metrics.part_colors import color_distances, lab


def test_lab_is_that_of_a_library_made_elsewhere():
    image = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0)) * 2 - 1
    image[0, :, 0] = -1 + 0.01  # dark enough for the straight part of both curves
    theirs = torch.from_numpy(rgb2lab(((image + 1) / 2).movedim(1, -1).double().numpy())).movedim(-1, 1)
    torch.testing.assert_close(lab(image), theirs, atol=2e-2, rtol=1e-3)


def flat(*colors: tuple[float, float, float]) -> torch.Tensor:
    """(1, 3, 64, 64): a column of each color."""
    columns = [torch.tensor(color)[:, None, None].expand(-1, 64, 64 // len(colors)) for color in colors]
    return torch.cat(columns, dim=2)[None]


def test_each_part_is_compared_with_its_like_wherever_it_is():
    parts = torch.tensor([1, 11]).repeat_interleave(32).expand(1, 64, -1)
    red, blue = (1.0, -1.0, -1.0), (-1.0, -1.0, 1.0)
    assert color_distances(flat(red, blue), parts, flat(blue, red), parts.flip(2)).item() == pytest.approx(0, abs=1e-9)
    swapped = color_distances(flat(red, blue), parts, flat(blue, red), parts).item()
    first, second = (lab(flat(color))[0, :, 0, 0] for color in (red, blue))
    assert swapped == pytest.approx((first - second).norm().item())


def test_parts_of_a_few_pixels_and_of_one_picture_alone_do_not_count():
    parts = torch.ones(1, 64, 64, dtype=torch.long)
    few = parts.clone()
    few[0, 0, :5] = 4
    red, blue = flat((1.0, -1.0, -1.0)), flat((-1.0, -1.0, 1.0))
    spotted = red.clone()
    spotted[0, :, 0, :5] = blue[0, :, 0, :5]
    assert color_distances(spotted, few, red, few).item() == pytest.approx(0, abs=1e-9)
    assert color_distances(red, parts, red, parts + 1).isnan().all()
