from __future__ import annotations

import torch
from torch import nn

from misen.nn.discriminators import PatchDiscriminator
from misen.nn.distortion import psnr
from misen.nn.perceptual import perceptual_distance


def test_the_patch_discriminator_sees_patches():
    torch.manual_seed(0)
    critic, image = PatchDiscriminator(8).eval(), torch.rand(1, 3, 64, 64)
    other = image.clone()
    other[..., 40:, 40:] = 0
    gap = (critic(image) - critic(other)).abs()
    assert gap.shape == (1, 1, 8, 8)
    assert gap[..., :2, :2].max() == 0
    assert gap[..., -1, -1] > 0


def test_psnr_of_a_known_error():
    picture = torch.zeros(2, 3, 8, 8)
    assert torch.allclose(psnr(picture, picture + 0.2), torch.full((2,), 20.0))


def test_perceptual_distance_is_zero_on_equals_and_grows_with_corruption():
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
    image, noise = torch.rand(4, 3, 16, 16), torch.randn(4, 3, 16, 16)
    distances = [
        perceptual_distance(lambda x: [layers(x)], image + k * noise, image).mean().item() for k in (0, 0.1, 0.3, 0.9)
    ]
    assert distances[0] == 0
    assert distances == sorted(distances)
