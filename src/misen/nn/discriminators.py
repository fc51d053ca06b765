"""Discriminators: networks that tell made pictures from real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from misen.core.shapes import Images, Maps, PerItem


class PatchDiscriminator(nn.Module):
    """A logit for each patch of about 30 pixels, after space-to-depth.

    Source: Isola et al. 2016 (arXiv:1611.07004), section 3.2.2; deviation: spectral norm (Miyato et al. 2018,
    arXiv:1802.05957) instead of batch norm.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(12, width, 3, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 2 * width, 4, stride=2, padding=1)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1)),
        )

    def forward(self, image: Images) -> Float[Tensor, "batch 1 height//8 width//8"]:
        """(B, 3, H, W) -> (B, 1, H / 8, W / 8)."""
        critique: Tensor = self.layers(functional.pixel_unshuffle(image, 2))
        return critique


@dataclass(frozen=True)
class Opinion:
    """What a discriminator of patches thinks of a batch.

    Attributes:
        features: (B, C_l, h_l, w_l) that it saw on its way, shallow to deep.
        logits: (B, 1, h, w).
    """

    features: tuple[Float[Tensor, "batch _ _ _"], ...]
    logits: Maps


class PatchCritic(nn.Module):
    """A logit for each patch of about 20 pixels, after space-to-depth, of pictures with maps beside them."""

    def __init__(self, inputs: int, width: int) -> None:
        """``inputs`` counts the channels of both."""
        super().__init__()
        self.layers = nn.ModuleList(
            [
                spectral_norm(nn.Conv2d(inputs, width, 3, padding=1)),
                spectral_norm(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
                spectral_norm(nn.Conv2d(2 * width, 2 * width, 3, padding=1)),
            ]
        )
        self.decide = spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1))

    def forward(self, x: Maps) -> Opinion:
        """(B, inputs, h, w) -> logits (B, 1, h / 2, w / 2)."""
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return Opinion(tuple(features), self.decide(x))


class MultiScaleDiscriminator(nn.Module):
    """Critics of patches that look at a picture, at half of it, and so on, and at the maps that it should follow.

    Source: Wang et al. 2017 (arXiv:1711.11585), section 3.2; deviation: spectral norm, as in Park et al. 2019
    (arXiv:1903.07291).
    """

    def __init__(self, beside: int, width: int = 64, scales: int = 2) -> None:
        """``beside`` counts the channels of the maps, ``width`` those of the first layer."""
        super().__init__()
        self.critics = nn.ModuleList(PatchCritic(12 + beside, width) for _ in range(scales))

    def forward(self, image: Images, beside: Float[Tensor, "batch beside rows columns"]) -> list[Opinion]:
        """Opinions by scale, fine to coarse, of pictures (B, 3, 2h, 2w) and maps (B, beside, h, w)."""
        opinions = []
        for critic in self.critics:
            opinions.append(critic(torch.cat([functional.pixel_unshuffle(image, 2), beside.to(image.dtype)], dim=1)))
            image, beside = functional.avg_pool2d(image, 2), functional.avg_pool2d(beside, 2)
        return opinions


def feature_gap(made: Sequence[Opinion], real: Sequence[Opinion]) -> PerItem:
    """(B,) mean absolute differences of the features a discriminator sees, averaged over maps and scales.

    No gradient flows into ``real``.

    Source: Wang et al. 2017 (arXiv:1711.11585), equation 4.
    """
    pairs = [pair for a, b in zip(made, real, strict=True) for pair in zip(a.features, b.features, strict=True)]
    return torch.stack([(a - b.detach()).abs().float().mean(dim=(1, 2, 3)) for a, b in pairs]).mean(dim=0)
