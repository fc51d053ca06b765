"""The networks of the style-based generator, which are trained and kept together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.core.shapes import Images
from misen.generators.gan.encoder import InversionEncoder
from misen.generators.gan.mapping import MappingNetwork
from misen.generators.gan.synthesis import LatentsPlus, SynthesisNetwork


@dataclass(frozen=True)
class StyleSettings:
    """Size and shape of the networks.

    Attributes:
        draws: width of z.
        width: of w.
        mapping_layers: dense layers between the two.
        channels: of the synthesis network at 4x4, 8x8 and so on; pictures are twice as large as the last of them.
        encoder_widths: channels of the encoder at half the picture's size, a quarter and so on.
        encoder_units: residual units at each of them.
        summary: channels of the coarsest map, from which latents are read.
    """

    draws: int = 128
    width: int = 192
    mapping_layers: int = 4
    channels: Sequence[int] = (256, 256, 128, 64)
    encoder_widths: Sequence[int] = (48, 96, 128, 192)
    encoder_units: Sequence[int] = (1, 1, 1, 1)
    summary: int = 64


class StyleNetworks(nn.Module):
    """Mapping, synthesis, and the encoder that inverts them."""

    def __init__(self, settings: StyleSettings) -> None:
        super().__init__()
        self.settings = settings
        self.mapping = MappingNetwork(settings.draws, settings.width, settings.mapping_layers)
        self.synthesis = SynthesisNetwork(settings.channels, settings.width)
        self.encoder = InversionEncoder(
            settings.encoder_widths,
            settings.encoder_units,
            settings.summary,
            size=self.synthesis.size,
            layers=self.synthesis.layers,
            width=settings.width,
        )

    def spread(self, latent: Float[Tensor, "batch latent"]) -> LatentsPlus:
        """A latent w (B, width) for every layer: the point of W in W+."""
        return latent[:, None].expand(-1, self.synthesis.layers, -1)

    def encode(self, image: Images) -> LatentsPlus:
        """Pictures (B, 3, H, W) -> the points that show them."""
        base, offsets = self.encoder(image)
        point: Tensor = base[:, None] + offsets
        return point

    def silence(self, batch: int) -> Float[Tensor, "{batch} inputs"]:
        """(batch, inputs): no noise, as pictures are rebuilt."""
        return torch.zeros(batch, self.synthesis.inputs, device=self.mapping.mean.device)
