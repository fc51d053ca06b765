"""Rank: which of several finished pictures agrees most with what was wished, by the energies that may steer.

Source: Ramesh et al. 2021, DALL-E (arXiv:2102.12092), section 2.6; deviation: any modality's energy, not that of words
alone; energies have units of their own, so several are added by the places they give to the pictures, weighted by the
strengths of the guidances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from misen.core.energy import Energy
from misen.core.guidance import Guidance
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem
from misen.core.view import View

ALTERED = "rank"
"""Purpose of the randomness of energies that look at altered copies."""


@torch.no_grad()
def best(images: Images, guidances: Sequence[Guidance], energies: Mapping[str, Energy], seed: int = 0) -> int:
    """The index of the picture that agrees most with its wishes; the first of those that agree alike.

    Args:
        images: (B, 3, H, W) in [-1, 1], all made of the same wishes.
        guidances: of one item each; those without an energy, or with a strength of 0 or less, do not count.
        energies: by modality.
        seed: of altered copies, the same for every picture.
    """
    total = images.new_zeros(len(images), dtype=torch.float64)
    for guidance in guidances:
        energy = energies.get(guidance.modality)
        if energy is not None and guidance.strength > 0:
            total += guidance.strength * places(_disagreement(energy, guidance, images, seed))
    return int(total.argmin())


def places(values: PerItem) -> PerItem:
    """(B,) how many of the others are smaller, and half of those that are equal, in float64."""
    smaller, equal = (compare(values[None], values[:, None]).sum(1).double() for compare in (torch.lt, torch.eq))
    return smaller + (equal - 1) / 2


def _disagreement(energy: Energy, guidance: Guidance, images: Images, seed: int) -> PerItem:
    view = View(images, rng=Streams([seed] * len(images), ALTERED, images.device))
    wish = guidance.signal[torch.zeros(len(images), dtype=torch.int64)]
    return energy.begin(wish, view)(view)
