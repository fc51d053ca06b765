"""The style code: what a picture looks like beyond its maps, drawn at random or as far as vectors tell it.

Source: Park et al. 2019 (arXiv:1903.07291), section 3.3 and appendix A, for a code with a normal prior behind what is
seen in a picture; Huang et al. 2021 (arXiv:2112.05130), section 3.2, for several sources as a product of experts;
deviation: vectors are told by encoders that all generators share, so that only small networks are learned here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from misen.core.shapes import PerItem, Vectors
from misen.generators.gan.translation.field import Conditions


@dataclass(frozen=True)
class Belief:
    """A normal distribution of style codes, independent in each coordinate.

    Attributes:
        mean: (B, D).
        precision: (B, D), one over the variance; 1 where nothing is known.
    """

    mean: Vectors
    precision: Vectors

    def at(self, noise: Vectors) -> Vectors:
        """The style code (B, D) that standard normal noise (B, D) stands for; the noise itself if nothing is known."""
        return self.mean + noise * self.precision.rsqrt()

    def divergence(self) -> PerItem:
        """(B,) Kullback-Leibler divergence from the standard normal, in nats."""
        variance = self.precision.reciprocal()
        return 0.5 * (variance + self.mean.square() - 1 - variance.log()).sum(dim=1)


class StyleExperts(nn.Module):
    """What vectors say of the style: each is an expert, and the standard normal is one more.

    Args:
        widths: of the vectors, by port.
        style: numbers of the style code.
        hidden: width of the layer between.
    """

    def __init__(self, widths: Mapping[str, int], style: int, hidden: int = 128) -> None:
        super().__init__()
        self.experts = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Linear(hidden, 2 * style))
                for name, width in widths.items()
            }
        )

    def forward(self, conditions: Conditions, noise: Vectors) -> Belief:
        """The belief about B items; ``noise`` (B, D) tells how many there are, and where."""
        precision, weighted = torch.ones_like(noise), torch.zeros_like(noise)
        for name, expert in self.experts.items():
            if name in conditions:
                mean, sureness = expert(conditions[name].value).float().chunk(2, dim=1)
                sure = functional.softplus(sureness) * conditions[name].present[:, None]
                precision, weighted = precision + sure, weighted + sure * mean
        return Belief(weighted / precision, precision)
