"""Likeness: how far a picture made from latents is from a given one, in pixels, in features and in who it shows.

Source: Richardson et al. 2020, pSp (arXiv:2008.00951), section 3.2; deviations: features and identity are those of our
own observer, and the mean absolute difference is there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from misen.core.shapes import Images, PerItem
from misen.nn.perceptual import maps_distance
from misen.perception.senses import Look


@dataclass(frozen=True)
class Weights:
    """How much each kind of difference counts; what weighs nothing is not computed.

    Attributes:
        absolute: mean absolute difference of pixels.
        squared: mean squared difference of pixels.
        perceptual: squared difference of feature maps, each of unit length at every place.
        identity: 1 - cosine of the identities.
        latent: mean squared distance of the latents from those that the generator makes by itself, on average.
        domain: mean squared distance of the latents from those that the encoder sees in the picture they make.
    """

    absolute: float = 0.0
    squared: float = 1.0
    perceptual: float = 0.8
    identity: float = 0.1
    latent: float = 0.0
    domain: float = 0.0


USUAL = Weights()
"""Those of pSp."""


class Likeness:
    """The weighted differences of pictures from given ones."""

    def __init__(self, image: Images, look: Look, weights: Weights = USUAL) -> None:
        """Look at the given pictures (B, 3, H, W) once."""
        self.image, self.look, self.weights = image, look, weights
        with torch.no_grad():
            self.goal = look(image)

    def __call__(self, made: Images) -> PerItem:
        """(B,) >= 0, 0 for the given pictures; differentiable in those that are made."""
        gap, weights = (made - self.image).flatten(1), self.weights
        total: PerItem = weights.absolute * gap.abs().mean(1) + weights.squared * gap.square().mean(1)
        if not (weights.perceptual or weights.identity):
            return total
        seen = self.look(made)
        perceptual = maps_distance(seen.pyramid, self.goal.pyramid)
        identity = 1 - (seen.identity * self.goal.identity).sum(1)
        return total + weights.perceptual * perceptual + weights.identity * identity
