"""A tiny decoder beside a large one, for steering and previews.

Source: the idea of Bohan 2023, "Tiny AutoEncoder for Stable Diffusion"; here the decoder alone, distilled.
"""

from __future__ import annotations

from collections.abc import Sequence

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor

from misen.codecs.layers import Decoder
from misen.core.shapes import Images, Maps


class TinyDecoder(ModelMixin, ConfigMixin):
    """Shows what latents mean at a fraction of the autoencoder's cost.

    Args:
        latent_channels: channels of the latents.
        block_out_channels: channels at strides 1, 2, 4, ..., as in the autoencoder.
        decoder_units: residual units per stride, from stride 2 on.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 4,
        block_out_channels: Sequence[int] = (3, 32, 64),
        decoder_units: Sequence[int] = (1, 3),
    ) -> None:
        super().__init__()
        self.decoder = Decoder(latent_channels, block_out_channels[1:], decoder_units)

    def forward(self, latents: Maps) -> Images:
        """Latents of the autoencoder, not scaled, (B, latent_channels, h, w) -> pictures (B, 3, H, W), not clipped."""
        image: Tensor = self.decoder(latents)
        return image
