from __future__ import annotations

import pytest
import torch

from misen.nn.discriminators import MultiScaleDiscriminator, Opinion, feature_gap


@pytest.fixture
def judge() -> MultiScaleDiscriminator:
    torch.manual_seed(0)
    return MultiScaleDiscriminator(beside=2, width=4).eval()


def test_each_scale_says_something_of_every_patch(judge):
    opinions = judge(torch.rand(2, 3, 32, 32), torch.rand(2, 2, 16, 16))
    assert [opinion.logits.shape for opinion in opinions] == [(2, 1, 8, 8), (2, 1, 4, 4)]
    assert [map_.shape[1] for map_ in opinions[0].features] == [4, 8, 8]


@pytest.mark.parametrize(("scale", "pixels"), [(0, 4), (1, 8)])
def test_a_patch_is_about_twenty_pixels_and_twice_as_many_at_half_the_size(judge, scale, pixels):
    image, maps = torch.rand(1, 3, 64, 64), torch.zeros(1, 2, 32, 32)
    other = image.clone()
    other[..., 32 + 3 * pixels :] += 1
    change = (judge(other, maps)[scale].logits - judge(image, maps)[scale].logits).abs()
    assert change[..., : 32 // pixels].max() < 1e-6
    assert change[..., -1].min() > 0


def test_the_maps_matter(judge):
    image, maps = torch.rand(1, 3, 32, 32), torch.rand(1, 2, 16, 16)
    for one, other in zip(judge(image, maps), judge(image, maps.flip(1)), strict=True):
        assert (one.logits - other.logits).abs().max() > 0


def test_the_gap_is_the_mean_absolute_difference_and_only_what_was_made_learns():
    zeros = torch.zeros(2, 3, 4, 4)
    real = Opinion((zeros, torch.zeros(2, 1, 2, 2)), torch.zeros(2, 1, 2, 2))
    made = Opinion((zeros + torch.tensor([1.0, 2.0]).view(2, 1, 1, 1), torch.full((2, 1, 2, 2), -3.0)), real.logits)
    torch.testing.assert_close(feature_gap([made], [real]), torch.tensor([2.0, 2.5]))
    seen = torch.ones(1, 1, 2, 2, requires_grad=True)
    own = torch.zeros(1, 1, 2, 2, requires_grad=True)
    feature_gap([Opinion((own,), own)], [Opinion((seen,), seen)]).sum().backward()
    assert seen.grad is None
    assert own.grad is not None
