"""Perceptual distance with calibrated channels, over the feature maps of any network.

Source: Zhang et al. 2018 (arXiv:1801.03924), equation 1. A picture becomes one long vector, its *embedding*, such that
the distance of two pictures is the squared distance of their embeddings; so all pairs of a set cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.errors import FormatError
from misen.core.shapes import Images, Maps, PerItem, Scalar, Vectors
from misen.nn.perceptual import Features

EPSILON = 1e-10


class Lpips:
    """The distance in the maps of ``features``, each channel counting by its weight.

    Args:
        features: pictures (B, 3, H, W) to maps (B, C_l, h_l, w_l).
        weights: (C_l,) >= 0 per map; None counts all channels equally.
    """

    def __init__(self, features: Features, weights: Sequence[Float[Tensor, " _"]] | None = None) -> None:
        self.features, self.weights = features, weights

    def __call__(self, first: Images, second: Images) -> PerItem:
        """(B,) distances >= 0 of pictures (B, 3, H, W) in [-1, 1]."""
        return (self.embed(first) - self.embed(second)).square().sum(dim=1)

    @torch.no_grad()
    def embed(self, images: Images) -> Vectors:
        """(B, sum of C_l h_l w_l) embeddings."""
        maps = self.features(images)
        weights = self.weights or [map_.new_ones(map_.shape[1]) for map_ in maps]
        return torch.cat([_embed(map_, weight) for map_, weight in zip(maps, weights, strict=True)], dim=1)


def _embed(map_: Maps, weight: Float[Tensor, " channels"]) -> Vectors:
    length: Tensor = torch.linalg.vector_norm(map_, dim=1, keepdim=True)
    area = map_.shape[2] * map_.shape[3]
    return (map_ / (length + EPSILON) * (weight / area).sqrt()[:, None, None]).flatten(1)


def read_linear(path: Path) -> list[Float[Tensor, " _"]]:
    """The published linear weights, (C_l,) per map in order, from an ``.npz`` with ``lin0.model.1.weight`` and so on.

    Raises:
        FormatError: the file holds no such weights.
    """
    with np.load(path, allow_pickle=False) as stored:
        names = [f"lin{index}.model.1.weight" for index in range(len(stored.files))]
        if set(names) != set(stored.files):
            found = ", ".join(stored.files)
            raise FormatError(f"{path.name} holds {found}", field=path.name, hint=f"expected {', '.join(names)}")
        return [torch.from_numpy(stored[name]).flatten() for name in names]


def pairwise_diversity(embeddings: Vectors) -> Scalar:
    """() mean distance over all pairs of N >= 2 samples of one condition, from their embeddings (N, D)."""
    return torch.pdist(embeddings.double()).square().mean()
