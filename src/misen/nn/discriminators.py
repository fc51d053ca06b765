"""Discriminators: networks that tell made pictures from real ones."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from misen.core.shapes import Images


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
