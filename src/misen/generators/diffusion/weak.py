"""Weak: a small network that knows no condition and has learned little, from whose mistakes guidance leads away.

Source: Karras et al. 2024 (arXiv:2406.02507), section 3; deviations: it is asked under no condition, so that one
difference leads towards what is wished and away from mistakes; and only in the middle of a walk. Before, it is settled
what the conditions ask for, and after, little is left to mend; there the denoiser's own answer is led away from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffusers.models.unets.unet_2d import UNet2DModel

SINCE, UNTIL = 0.55, 0.8
"""The part of a walk in which it is asked."""


@dataclass(frozen=True)
class WeakSettings:
    """Size and shape.

    Attributes:
        channels: features per level, fine to coarse; the coarse level looks at itself.
        layers: residual blocks per level.
        width: of a head of attention.
        groups: of each group norm.
        latent_channels: channels of the latents.
        latent_size: height and width of the latents it is trained on.
    """

    channels: Sequence[int] = (64, 128)
    layers: int = 1
    width: int = 32
    groups: int = 4
    latent_channels: int = 8
    latent_size: int = 16

    def unet(self) -> UNet2DModel:
        """The stock network."""
        return UNet2DModel(
            sample_size=self.latent_size,
            in_channels=self.latent_channels,
            out_channels=self.latent_channels,
            block_out_channels=tuple(self.channels),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            layers_per_block=self.layers,
            attention_head_dim=self.width,
            norm_num_groups=self.groups,
        )
