"""Adversarial losses by name, the penalties that keep them stable, and the weight that keeps one from drowning another.

Source: Goodfellow et al. 2014 (arXiv:1406.2661), section 3, for the non-saturating loss; Lim & Ye 2017
(arXiv:1705.02894), hinge, here halved, so that a discriminator with nothing to say pays 1; Mao et al. 2016
(arXiv:1611.04076), equation 9, least squares; Arjovsky et al. 2017 (arXiv:1701.07875), Wasserstein;
Jolicoeur-Martineau 2018 (arXiv:1807.00734), in the paired form of Huang et al. 2025 (arXiv:2501.05441), equation 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, Points, Scalar

Logits = Float[Tensor, "*logits"]
"""What a discriminator says: the higher, the more real; one number for each picture, or for each patch of it."""
Price = Callable[[Logits], Logits]
"""What a logit costs."""
Verdicts = Float[Tensor, "batch ..."]
"""The logits of a batch of pictures, (B,) or of patches (B, ...)."""
Critic = Callable[[Images], Verdicts]
"""Pictures (B, 3, H, W) -> their logits."""


@runtime_checkable
class AdversarialLoss(Protocol):
    """The two sides of a game about logits of real and of made pictures; both are minimised."""

    def discriminator(self, real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Scalar:
        """What the discriminator pays."""
        ...

    def generator(self, real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Scalar:
        """What the generator pays; most games do not look at ``real`` for it."""
        ...


@dataclass(frozen=True)
class Separate:
    """Every picture is judged by itself.

    Attributes:
        real: what a real picture's logit costs the discriminator.
        fake: what a made picture's logit costs the discriminator.
        made: what that costs the generator.
    """

    real: Price
    fake: Price
    made: Price

    def discriminator(self, real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Scalar:
        """The mean price of the real ones and that of the made ones, together."""
        return self.real(real.float()).mean() + self.fake(fake.float()).mean()

    def generator(self, real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Scalar:
        """The mean price of the made ones."""
        return self.made(fake.float()).mean()


@dataclass(frozen=True)
class Paired:
    """Each made picture is judged beside a real one; only the difference of their logits counts.

    Attributes:
        price: of how much more real the real one looks, to the discriminator; of the opposite, to the generator.
    """

    price: Price

    def discriminator(self, real: Logits, fake: Logits) -> Scalar:
        """The mean price of the differences."""
        return self.price(real.float() - fake.float()).mean()

    def generator(self, real: Logits, fake: Logits) -> Scalar:
        """The mean price of the opposite differences."""
        return self.price(fake.float() - real.float()).mean()


def _doubt(logits: Logits) -> Logits:
    """Minus the log-probability of being real."""
    return functional.softplus(-logits)


HINGE = Separate(
    real=lambda logits: 0.5 * functional.relu(1 - logits),
    fake=lambda logits: 0.5 * functional.relu(1 + logits),
    made=torch.neg,
)
LEAST_SQUARES = Separate(
    real=lambda logits: 0.5 * (logits - 1).square(),
    fake=lambda logits: 0.5 * logits.square(),
    made=lambda logits: 0.5 * (logits - 1).square(),
)

ADVERSARIAL: Mapping[str, AdversarialLoss] = {
    "non_saturating": Separate(real=_doubt, fake=functional.softplus, made=_doubt),
    "hinge": HINGE,
    "least_squares": LEAST_SQUARES,
    "wasserstein": Separate(real=torch.neg, fake=torch.clone, made=torch.neg),
    "relativistic": Paired(price=_doubt),
}
"""Losses by the name a configuration gives."""


def zero_centred_penalty(logits: Verdicts, images: Points) -> Scalar:
    """The mean squared norm of the gradient of what is said of a picture: R1 of real pictures, R2 of made ones.

    Source: Mescheder et al. 2018 (arXiv:1801.04406), equations 9 and 10, without the factor of half their strength.

    Args:
        logits: of ``images``; of patches it is the mean.
        images: (B, ...) that require a gradient.
    """
    return _slope(logits, images).square().sum(dim=1).mean()


def unit_gradient_penalty(
    discriminator: Critic, real: Images, fake: Images, rng: torch.Generator | None = None
) -> Scalar:
    """The mean squared distance from 1 of the norm of the gradient, somewhere between a real and a made picture.

    Source: Gulrajani et al. 2017 (arXiv:1704.00028), equation 3, without its factor of 10.

    Args:
        discriminator: of pictures; of patches it is the mean.
        real: (B, 3, H, W).
        fake: (B, 3, H, W), each paired with the real one in its place.
        rng: draws where between; torch's own if left out.
    """
    share = torch.rand(len(real), 1, 1, 1, generator=rng).to(real)
    between = torch.lerp(fake.detach(), real.detach(), share).requires_grad_()
    norm: Tensor = torch.linalg.vector_norm(_slope(discriminator(between), between), dim=1)
    return (norm - 1).square().mean()


def _slope(logits: Verdicts, images: Points) -> Float[Tensor, "batch coordinates"]:
    """The gradient, at each picture, of the mean of its own logits."""
    said = logits.float().flatten(1).mean(dim=1) if logits.ndim > 1 else logits.float()
    (gradient,) = torch.autograd.grad(said.sum(), images, create_graph=True)
    return gradient.float().flatten(1)


def adaptive_weight(leading: Scalar, added: Scalar, parameter: Tensor, limit: float = 1e3) -> Scalar:
    """The weight at which ``added`` pulls at ``parameter``, usually the last layer's, as strongly as ``leading``.

    Source: Esser et al. 2021 (arXiv:2012.09841), equation 7.
    """
    (lead,) = torch.autograd.grad(leading, parameter, retain_graph=True)
    (add,) = torch.autograd.grad(added, parameter, retain_graph=True)
    weight: Tensor = (lead.norm() / (add.norm() + 1e-6)).clamp(max=limit)
    return weight.detach()
