"""Contrastive learning: what belongs together is more alike than what does not, be it items of a batch or patches.

Source: van den Oord et al. 2018 (arXiv:1807.03748), equation 4; Radford et al. 2021 (arXiv:2103.00020), figure 3; Park
et al. 2020 (arXiv:2007.15651), section 3, for patches.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps, Scalar, Tokens

TEMPERATURE, PATCHES = 0.07, 256
"""Of the contrast of patches, and how many are drawn of each map."""


def similarities(
    first: Float[Tensor, "first features"], second: Float[Tensor, "second features"], scale: Scalar | float
) -> Float[Tensor, "first second"]:
    """(A, D) and (B, D) -> (A, B) scaled dot products, in full precision even under autocast."""
    with torch.autocast(first.device.type, enabled=False):
        return scale * first.float() @ second.float().T


def info_nce(logits: Float[Tensor, "batch batch"], also_true: Bool[Tensor, "batch batch"] | None = None) -> Scalar:
    """Symmetric cross-entropy of (B, B) similarities whose diagonal is right.

    Args:
        logits: similarity over temperature.
        also_true: (B, B) bool, pairs off the diagonal that are not wrong either and must not count as negatives.
    """
    if also_true is not None:
        diagonal = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(also_true & ~diagonal, float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def patch_nce(
    made: Float[Tensor, "batch patches features"],
    given: Float[Tensor, "batch patches features"],
    temperature: float = TEMPERATURE,
) -> Scalar:
    """Cross-entropy of finding each patch of a made picture among the patches of the one it was made from.

    Args:
        made: (B, S, D) unit vectors of patches.
        given: (B, S, D) of the patches in the same places; no gradient flows into them.
        temperature: of their dot products.
    """
    with torch.autocast(made.device.type, enabled=False):
        logits = made.float() @ given.detach().float().transpose(1, 2) / temperature
    target = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[:2])
    return functional.cross_entropy(logits.flatten(0, 1), target.flatten())


class PatchContrast(nn.Module):
    """Holds a made picture against the one it was made from, patch by patch, in the maps of an encoder.

    The projections learn with whatever makes the pictures.
    """

    def __init__(self, widths: Sequence[int], features: int = 256, patches: int = PATCHES) -> None:
        """``widths`` are the channels of the maps, ``features`` those that patches are compared in."""
        super().__init__()
        self.patches = patches
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(width, features), nn.ReLU(), nn.Linear(features, features)) for width in widths
        )

    def forward(
        self, made: Sequence[Float[Tensor, "batch _ _ _"]], given: Sequence[Float[Tensor, "batch _ _ _"]]
    ) -> Scalar:
        """The mean over the maps (B, C_l, h_l, w_l) of both pictures; patches are drawn by torch's own generator."""
        trios = zip(self.projections, made, given, strict=True)
        return torch.stack([self._contrast(projection, one, other) for projection, one, other in trios]).mean()

    def _contrast(self, projection: nn.Module, made: Maps, given: Maps) -> Scalar:
        where = self._draw(made)
        one, other = (functional.normalize(projection(_at(map_, where)), dim=2) for map_ in (made, given))
        return patch_nce(one, other)

    def _draw(self, map_: Maps) -> Int[Tensor, " patches"]:
        """Places of a map, none twice; all of them where there are no more."""
        return torch.randperm(map_.shape[2] * map_.shape[3])[: self.patches].to(map_.device)


def _at(map_: Maps, where: Int[Tensor, " patches"]) -> Tokens:
    """(B, C, h, w) at some of its places, (B, S, C)."""
    return map_.flatten(2)[:, :, where].transpose(1, 2)
