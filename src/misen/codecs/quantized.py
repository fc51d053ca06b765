"""An autoencoder whose decoder sees codes alone, with the interface of diffusers' ``VQModel``.

Latents are what the encoder says before it is rounded: diffusion runs on them, and the decoder rounds what it is given.
Source: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and appendix G, "VQ-reg."; deviation: the network of our KL
autoencoder, and quantisers with a codebook for each of several groups of channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput
from diffusers.models.autoencoders.vq_model import VQEncoderOutput
from diffusers.models.modeling_utils import ModelMixin
from torch import Generator, Tensor

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.layers import Decoder, Encoder
from misen.core.shapes import Images, Maps
from misen.nn.quantizer.kinds import build


class VQAutoencoder(ModelMixin, ConfigMixin):
    """Encodes (B, 3, H, W) in [-1, 1] to latents (B, latent_channels, H / stride, W / stride), and codes back.

    Args:
        quantizer: its ``kind`` and that kind's options.
        latent_channels: channels of the latents.
        block_out_channels: as of ``KLAutoencoder``.
        encoder_units: as of ``KLAutoencoder``.
        decoder_units: as of ``KLAutoencoder``.
        scaling_factor: one over the latents' standard deviation over the training pictures.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        quantizer: Mapping[str, Any],
        latent_channels: int = 4,
        block_out_channels: Sequence[int] = (3, 96, 160),
        encoder_units: Sequence[int] = (1, 2),
        decoder_units: Sequence[int] = (2, 3),
        scaling_factor: float = 1.0,
    ) -> None:
        super().__init__()
        widths = block_out_channels[1:]
        self.encoder = Encoder(widths, encoder_units, latent_channels)
        self.quantize = build(quantizer, latent_channels)
        self.decoder = Decoder(latent_channels, widths, decoder_units)
        self.stride = 2 ** len(widths)

    @classmethod
    def beginning_as(cls, older: KLAutoencoder, quantizer: Mapping[str, Any]) -> VQAutoencoder:
        """One with the decoder of ``older``, and the means of its latents; the codes are untrained."""
        described = {name: value for name, value in older.config.items() if not name.startswith("_")}
        model: VQAutoencoder = cls(quantizer, **described)
        means = {
            name: tensor[: older.config.latent_channels] if name.startswith("exit.") else tensor
            for name, tensor in older.encoder.state_dict().items()
        }
        model.encoder.load_state_dict(means)
        model.decoder.load_state_dict(older.decoder.state_dict())
        return model

    def encode(self, x: Images, return_dict: bool = True) -> Any:
        """The latents of pictures ``x`` (B, 3, H, W) in [-1, 1], not rounded.

        Returns:
            A ``VQEncoderOutput`` with ``latents``, or without ``return_dict`` a tuple of them.

        Raises:
            InputError: the height or width is not a multiple of ``stride``.
        """
        latents = self.encoder(x)
        return VQEncoderOutput(latents=latents) if return_dict else (latents,)

    def decode(self, z: Maps, return_dict: bool = True, generator: Generator | None = None) -> Any:
        """Pictures of the codes that are nearest to latents ``z``; nothing is clipped, and nothing drawn.

        Returns:
            A ``DecoderOutput`` with ``sample``, or without ``return_dict`` a tuple of the pictures.
        """
        image = self.decoder(self.quantize(z).value)
        return DecoderOutput(sample=image) if return_dict else (image,)

    def forward(self, sample: Images) -> Images:
        """The reconstruction of pictures."""
        image: Tensor = self.decode(self.encode(sample).latents).sample
        return image
