"""Contextual distance: whether everything that is seen in one picture is seen in another, wherever it is there.

Source: Mechrez et al. 2018 (arXiv:1803.02077), equations 2 to 4; the direction, from what was made to what it is to
resemble, is that of Zhang et al. 2020 (arXiv:2004.05571), equation 9.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps, PerItem

BANDWIDTH, STABILITY = 0.1, 1e-3
"""How much less like than the most alike still counts, and what distances of 0 are taken for."""


def contextual_distance(first: Maps, second: Float[Tensor, "batch channels _ _"]) -> PerItem:
    """(B,) >= 0 of features (B, C, h, w) of two pictures: 0 where each place of the first has its one like.

    No gradient flows into ``second``.
    """
    with torch.autocast(first.device.type, enabled=False):
        distance = 1 - _cosines(first.float().flatten(2), second.detach().float().flatten(2))
        relative = distance / (distance.amin(dim=2, keepdim=True) + STABILITY)
        shares = ((1 - relative) / BANDWIDTH).softmax(dim=2)
        return -shares.amax(dim=2).mean(dim=1).log()


def _cosines(
    first: Float[Tensor, "batch channels places"], second: Float[Tensor, "batch channels others"]
) -> Float[Tensor, "batch places others"]:
    """Between features of which the second's mean was taken."""
    mean = second.mean(dim=2, keepdim=True)
    made, given = (functional.normalize(places - mean, dim=1) for places in (first, second))
    return made.transpose(1, 2) @ given
