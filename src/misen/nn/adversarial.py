"""Adversarial losses, and the weight that keeps one from drowning another."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Scalar


def hinge_discriminator(real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Scalar:
    """The discriminator's scalar loss on logits of real and of made pictures.

    Source: Lim & Ye 2017 (arXiv:1705.02894).
    """
    return 0.5 * (functional.relu(1 - real).mean() + functional.relu(1 + fake).mean())


def hinge_generator(fake: Float[Tensor, "*fake"]) -> Scalar:
    """The generator's scalar loss on logits of what it made."""
    return -fake.mean()


def adaptive_weight(leading: Scalar, added: Scalar, parameter: Tensor, limit: float = 1e3) -> Scalar:
    """The weight at which ``added`` pulls at ``parameter``, usually the last layer's, as strongly as ``leading``.

    Source: Esser et al. 2021 (arXiv:2012.09841), equation 7.
    """
    (lead,) = torch.autograd.grad(leading, parameter, retain_graph=True)
    (add,) = torch.autograd.grad(added, parameter, retain_graph=True)
    weight: Tensor = (lead.norm() / (add.norm() + 1e-6)).clamp(max=limit)
    return weight.detach()
