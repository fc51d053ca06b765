from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from misen.nn.adversarial import ADVERSARIAL, adaptive_weight, unit_gradient_penalty, zero_centred_penalty

REAL, FAKE = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 1.0, 0.0])


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


CLOSED_FORMS = {
    "non_saturating": (
        lambda real, fake: mean(softplus(-r) for r in real) + mean(softplus(f) for f in fake),
        lambda real, fake: mean(softplus(-f) for f in fake),
    ),
    "hinge": (
        lambda real, fake: 0.5 * mean(max(0, 1 - r) for r in real) + 0.5 * mean(max(0, 1 + f) for f in fake),
        lambda real, fake: -mean(fake),
    ),
    "least_squares": (
        lambda real, fake: 0.5 * mean((r - 1) ** 2 for r in real) + 0.5 * mean(f**2 for f in fake),
        lambda real, fake: 0.5 * mean((f - 1) ** 2 for f in fake),
    ),
    "wasserstein": (lambda real, fake: mean(fake) - mean(real), lambda real, fake: -mean(fake)),
    "relativistic": (
        lambda real, fake: mean(softplus(f - r) for r, f in zip(real, fake, strict=True)),
        lambda real, fake: mean(softplus(r - f) for r, f in zip(real, fake, strict=True)),
    ),
}


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_every_loss_has_its_closed_form(name):
    for side, expected in zip(("discriminator", "generator"), CLOSED_FORMS[name], strict=True):
        value = getattr(ADVERSARIAL[name], side)(REAL, FAKE)
        assert value.item() == pytest.approx(expected(REAL.tolist(), FAKE.tolist()), rel=1e-5), side


@pytest.mark.parametrize("side", ["discriminator", "generator"])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_gradients_agree_with_differences(name, side):
    loss = getattr(ADVERSARIAL[name], side)
    logits = torch.stack([REAL, FAKE + 0.1]).requires_grad_()  # away from the corners of the hinge
    (gradient,) = torch.autograd.grad(loss(*logits), logits)
    steps = 0.01 * torch.eye(6).unflatten(1, (2, 3))
    slopes = [(loss(*(logits + step)) - loss(*(logits - step))).item() / 0.02 for step in steps]
    assert gradient.flatten().tolist() == pytest.approx(slopes, abs=1e-3)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_each_side_pulls_its_own_way(name):
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    loss = ADVERSARIAL[name]
    up, down = torch.autograd.grad(loss.discriminator(real, fake + 0.5), (real, fake))
    (please,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert (up < 0).all()
    assert (down > 0).all()
    assert (please < 0).all()


def test_hinge_gradients_vanish_beyond_the_margin():
    real = torch.tensor([2.0, 0.5], requires_grad=True)
    ADVERSARIAL["hinge"].discriminator(real, torch.tensor([-2.0])).backward()
    assert torch.equal(real.grad, torch.tensor([0.0, -0.25]))


def test_the_relativistic_game_is_symmetric_and_sees_differences_alone():
    loss = ADVERSARIAL["relativistic"]
    assert loss.discriminator(REAL, FAKE) == loss.generator(FAKE, REAL)
    assert torch.allclose(loss.discriminator(REAL + 5, FAKE + 5), loss.discriminator(REAL, FAKE))
    assert loss.discriminator(REAL, REAL).item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("name", "fixed"), [("non_saturating", 0.0), ("least_squares", 0.5), ("hinge", 0.0)])
def test_a_discriminator_that_cannot_tell_rests_at_the_fixed_point(name, fixed):
    """Where real and made pictures are alike, the same logit for all of them is the best there is."""
    logit = torch.full((2,), fixed, requires_grad=True)
    (pull,) = torch.autograd.grad(ADVERSARIAL[name].discriminator(logit, logit), logit)
    assert pull.abs().max() < 1e-6


def test_zero_centred_penalty_is_the_squared_slope_of_a_linear_critic():
    torch.manual_seed(0)
    critic = nn.Linear(12, 1)
    images = torch.randn(5, 3, 2, 2, requires_grad=True)
    penalty = zero_centred_penalty(critic(images.flatten(1)).squeeze(1), images)
    assert penalty.item() == pytest.approx(critic.weight.square().sum().item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    assert torch.allclose(gradient, 2 * critic.weight)


def test_zero_centred_penalty_of_a_quadratic_critic_is_each_pictures_own():
    images = torch.randn(4, 3, 2, 2, requires_grad=True)
    squares = images.square().flatten(1).sum(1)
    penalty = zero_centred_penalty(squares, images)
    assert penalty.item() == pytest.approx(4 * squares.mean().item(), rel=1e-5)
    patches = torch.stack([squares, squares], dim=1)[:, None]
    assert zero_centred_penalty(patches, images).item() == pytest.approx(penalty.item(), rel=1e-5)


def test_unit_gradient_penalty_of_a_linear_critic():
    torch.manual_seed(0)
    critic = nn.Linear(12, 1, bias=False)
    real, fake = torch.randn(6, 3, 2, 2), torch.randn(6, 3, 2, 2)
    penalty = unit_gradient_penalty(lambda images: critic(images.flatten(1)), real, fake)
    norm = critic.weight.norm()
    assert penalty.item() == pytest.approx((norm.item() - 1) ** 2, rel=1e-4)
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    assert torch.allclose(gradient, 2 * (norm - 1) * critic.weight / norm, atol=1e-5)


def test_unit_gradient_penalty_looks_between_the_two():
    """The slope of half the square of a picture is the picture, so the penalty tells where it looked."""
    real, fake, seen = torch.full((64, 3, 1, 1), 3.0), torch.full((64, 3, 1, 1), 1.0), []

    def critic(images):
        seen.append(images.detach())
        return 0.5 * images.square().flatten(1).sum(1)

    penalty = unit_gradient_penalty(critic, real, fake, torch.Generator().manual_seed(0))
    (between,) = seen
    assert penalty.item() == pytest.approx((between.flatten(1).norm(dim=1) - 1).square().mean().item(), rel=1e-5)
    assert between.min() > 1
    assert between.max() < 3
    assert between.std() > 0.4
    assert (between == between[:, :1]).all()
    again = unit_gradient_penalty(critic, real, fake, torch.Generator().manual_seed(0))
    assert torch.equal(again, penalty)


def test_adaptive_weight_is_the_ratio_of_gradient_norms():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    lead, add = (weight**2).sum(), (10 * weight).sum()
    expected = (2 * weight).norm() / torch.tensor([10.0, 10.0]).norm()
    assert adaptive_weight(lead, add, weight) == pytest.approx(expected.item(), rel=1e-5)
