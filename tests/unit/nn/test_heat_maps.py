"""Maps of points."""

from __future__ import annotations

import math

import torch

from misen.nn.heat_maps import heat_maps


def test_a_point_is_the_middle_of_its_map() -> None:
    maps = heat_maps(torch.tensor([[[5.5 / 16, 2.5 / 16], [0.5, 0.5]]]), 16, sigma=2.0)
    assert maps.shape == (1, 2, 16, 16)
    assert maps[0, 0, 2, 5] == 1.0
    assert maps[0, 0].argmax() == 2 * 16 + 5
    assert math.isclose(maps[0, 0, 2, 7], math.exp(-0.5), rel_tol=1e-5)
    assert torch.allclose(maps[0, 1], maps[0, 1].mT)


def test_a_point_out_of_the_picture_is_nowhere() -> None:
    assert heat_maps(torch.tensor([[[3.0, 0.5]]]), 16, sigma=1.0).max() < 1e-6
