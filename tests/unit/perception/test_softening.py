from __future__ import annotations

import torch

from misen.perception.softening import soften


def test_a_third_of_the_pictures_are_disturbed_a_little():
    torch.manual_seed(0)
    images = torch.nn.functional.interpolate(torch.rand(200, 3, 8, 8) * 1.8 - 0.9, size=64, mode="bilinear")
    softened = soften(images)
    change = (softened - images).abs().mean(dim=(1, 2, 3))
    assert softened.shape == images.shape
    assert softened.abs().max() <= 1
    assert 0.55 < (change == 0).float().mean() < 0.78
    assert 0.005 < change[change > 0].mean() < 0.1
