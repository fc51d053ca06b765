"""Perceptual distance: how far apart two pictures are in the feature maps of some network.

Source: Zhang et al. 2018 (arXiv:1801.03924), equation 1, without learned channel weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, Maps, PerItem

Level = Float[Tensor, "batch _ _ _"]
"""One of several maps of the same pictures."""
Features = Callable[[Images], Sequence[Maps]]
"""Pictures (B, 3, H, W) -> feature maps (B, C_l, h_l, w_l)."""


def perceptual_distance(features: Features, first: Images, second: Images) -> PerItem:
    """(B,) >= 0: squared differences of channel-normalised features, averaged over space, summed over maps.

    No gradient flows into ``second``.
    """
    with torch.no_grad():
        goal = features(second)
    return maps_distance(features(first), goal)


def maps_distance(first: Sequence[Level], second: Sequence[Level]) -> PerItem:
    """(B,) the same of maps (B, C_l, h_l, w_l) that are known; gradients flow into both."""
    gaps = [_gap(a, b) for a, b in zip(first, second, strict=True)]
    return torch.stack(gaps).sum(dim=0)


def _gap(first: Maps, second: Maps) -> PerItem:
    gap = functional.normalize(first.float(), dim=1) - functional.normalize(second.float(), dim=1)
    return gap.square().sum(dim=1).mean(dim=(1, 2))
