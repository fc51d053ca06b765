"""A KL autoencoder: pictures to small Gaussian latents and back, with the interface of diffusers' ``AutoencoderKL``.

Source: Rombach et al. 2022 (arXiv:2112.10752), section 3.1; deviation: a convolutional network of our own after
space-to-depth, fast on a CPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Generator, Tensor

from misen.codecs.layers import Decoder, Encoder
from misen.core.shapes import Images, Maps


class KLAutoencoder(ModelMixin, ConfigMixin):
    """Encodes (B, 3, H, W) in [-1, 1] to latents (B, latent_channels, H / stride, W / stride) and back.

    Args:
        latent_channels: channels of the latents.
        block_out_channels: channels at strides 1, 2, 4, ...; the first is the picture's own 3, where no layer works.
        encoder_units: residual units per stride, from stride 2 on.
        decoder_units: the same for the decoder.
        scaling_factor: one over the latents' standard deviation over the training pictures.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 4,
        block_out_channels: Sequence[int] = (3, 96, 160),
        encoder_units: Sequence[int] = (1, 2),
        decoder_units: Sequence[int] = (2, 3),
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        widths = block_out_channels[1:]
        self.encoder = Encoder(widths, encoder_units, 2 * latent_channels)
        self.decoder = Decoder(latent_channels, widths, decoder_units)
        self.stride = 2 ** len(widths)

    def encode(self, x: Images, return_dict: bool = True) -> Any:
        """The distribution of the latents of pictures ``x`` (B, 3, H, W) in [-1, 1].

        Returns:
            An ``AutoencoderKLOutput`` with ``latent_dist``, or without ``return_dict`` a tuple of the distribution.

        Raises:
            InputError: the height or width is not a multiple of ``stride``.
        """
        posterior = DiagonalGaussianDistribution(self.encoder(x))
        return AutoencoderKLOutput(latent_dist=posterior) if return_dict else (posterior,)

    def decode(self, z: Maps, return_dict: bool = True, generator: Generator | None = None) -> Any:
        """Pictures of latents ``z``, not clipped; ``generator`` is accepted as diffusers does, nothing is drawn.

        Returns:
            A ``DecoderOutput`` with ``sample``, or without ``return_dict`` a tuple of the pictures.
        """
        image = self.decoder(z)
        return DecoderOutput(sample=image) if return_dict else (image,)

    def forward(self, sample: Images) -> Images:
        """The reconstruction of pictures from the mode of their latents."""
        image: Tensor = self.decoder(self.encode(sample).latent_dist.mode())
        return image
