"""Critics of whole pictures."""

from __future__ import annotations

import pytest
import torch

from misen.nn.adversarial import zero_centred_penalty
from misen.nn.critics import ProjectedCritic, ResidualCritic, with_deviation
from misen.nn.residual import ResidualPyramid


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_the_residual_critic_says_one_thing_of_a_picture():
    critic, images = ResidualCritic((6, 8)), torch.rand(4, 3, 16, 16)
    assert critic(images).shape == (4, 1)
    assert not torch.allclose(critic(images)[0], critic(images[:1].expand(4, -1, -1, -1))[0], atol=1e-4)


def test_a_batch_without_variety_is_seen():
    same = torch.randn(1, 2, 4, 4).expand(5, -1, -1, -1)
    varied = torch.randn(5, 2, 4, 4)
    assert with_deviation(same)[:, 2].max() < 1e-3
    assert torch.allclose(with_deviation(varied)[:, 2], varied.std(0, correction=0).mean().expand(5, 4, 4), atol=1e-4)
    assert torch.equal(with_deviation(varied)[:, :2], varied)


def test_the_projected_critic_hears_every_map_and_learns_in_its_heads_alone():
    pyramid, images = ResidualPyramid((6, 8, 10), (0, 0, 0)).eval(), torch.rand(3, 3, 32, 32)
    critic = ProjectedCritic(pyramid.widths, 4)
    maps = [map_.detach().requires_grad_() for map_ in pyramid(images)]
    logits = critic(tuple(maps))
    assert logits.shape == (3, 3 * 16)
    logits.sum().backward()
    assert all(map_.grad.abs().max() > 0 for map_ in maps)
    assert {name.partition(".")[0] for name, p in critic.named_parameters() if p.requires_grad} == {"heads"}
    assert {name.partition(".")[0] for name, p in critic.named_parameters() if p.grad is not None} == {"heads"}


def test_the_deepest_map_reaches_every_head():
    critic = ProjectedCritic((2, 2, 2), 4).eval()
    maps = tuple(torch.randn(1, 2, side, side) for side in (16, 8, 4))
    other = (*maps[:2], maps[2] + 1)
    gaps = (critic(maps) - critic(other)).abs().view(3, 16)
    assert (gaps.max(1).values > 1e-4).all()


def test_slopes_of_what_critics_say_can_be_penalised():
    pyramid = ResidualPyramid((6, 8), (0, 0)).eval().requires_grad_(False)
    projected, residual = ProjectedCritic(pyramid.widths, 4), ResidualCritic((6, 8))
    for critic, module in ((residual, residual), (lambda x: projected(pyramid(x)), projected)):
        images = torch.rand(4, 3, 16, 16).requires_grad_()
        zero_centred_penalty(critic(images), images).backward()
        gradients = [p.grad for p in module.parameters() if p.requires_grad and p.ndim > 1 and p.grad is not None]
        assert gradients
        assert max(gradient.abs().max() for gradient in gradients) > 0
