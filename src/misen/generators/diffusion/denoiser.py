"""The denoiser: a stock U-Net of diffusers, walked module by module so that ports can add to what flows through it.

Source: Rombach et al. 2022 (arXiv:2112.10752), section 3.3; with no condition but the stock tokens the walk is exactly
``UNet2DConditionModel.forward``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float, Num
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Maps, Tokens
from misen.generators.diffusion.ports import Grid, Ports, PortSettings
from misen.nn.fusion.cross_attention import MatrixAttention

HIDDEN = -10_000.0
"""Added to the logits of tokens that do not count, as diffusers does."""


@dataclass(frozen=True)
class DenoiserSettings:
    """Size and shape of the U-Net.

    Attributes:
        channels: features per level, fine to coarse; keep ``channels / groups`` a multiple of 16, for speed.
        attention: whether each level looks at itself and at the tokens.
        layers: residual blocks per level.
        heads: of each attention.
        groups: of each group norm.
        tokens: width of the sequence of cross-attention.
        latent_channels: channels of the latents.
        latent_size: height and width of the latents it is trained on.
    """

    channels: Sequence[int] = (64, 192)
    attention: Sequence[bool] = (False, True)
    layers: int = 1
    heads: int = 4
    groups: int = 4
    tokens: int = 192
    latent_channels: int = 4
    latent_size: int = 16

    def unet(self) -> UNet2DConditionModel:
        """The stock network."""
        kinds = [("CrossAttn" if attends else "") for attends in self.attention]
        return UNet2DConditionModel(
            sample_size=self.latent_size,
            in_channels=self.latent_channels,
            out_channels=self.latent_channels,
            block_out_channels=tuple(self.channels),
            down_block_types=tuple(f"{kind}DownBlock2D" for kind in kinds),
            up_block_types=tuple(f"{kind}UpBlock2D" for kind in reversed(kinds)),
            layers_per_block=self.layers,
            attention_head_dim=self.heads,
            norm_num_groups=self.groups,
            cross_attention_dim=self.tokens,
            use_linear_projection=True,
        )


@dataclass
class Flow:
    """What flows through the U-Net beside its features."""

    embedding: Float[Tensor, "batch embedding"]
    tokens: Tokens
    bias: Float[Tensor, "batch 1 length"] | None
    skips: list[Maps] = field(default_factory=list)

    def arguments(self, block: nn.Module) -> dict[str, Any]:
        """What a block takes."""
        if not getattr(block, "has_cross_attention", False):
            return {"temb": self.embedding}
        attended = {"encoder_hidden_states": self.tokens, "encoder_attention_mask": self.bias}
        return {"temb": self.embedding, **attended}

    def take(self, count: int) -> tuple[Tensor, ...]:
        """The last ``count`` skips, which are used up."""
        taken, self.skips = tuple(self.skips[-count:]), self.skips[:-count]
        return taken


class Denoiser(nn.Module):
    """Predicts the velocity of noisy latents under conditions."""

    def __init__(self, unet: UNet2DConditionModel, table: Sequence[PortSettings], stride: int) -> None:
        """``stride`` is the autoencoder's: pixels per latent cell, along each side."""
        super().__init__()
        config = unet.config
        width = unet.time_embedding.linear_2.out_features
        self.unet = unet
        self.ports = Ports(table, Grid(config.block_out_channels[0], width, config.cross_attention_dim, stride))
        unet.set_attn_processor(MatrixAttention())

    def forward(self, noisy: Maps, timestep: Num[Tensor, " batch"], conditions: Mapping[str, Condition]) -> Maps:
        """(B, C, h, w) at timesteps (B,) -> velocity (B, C, h, w)."""
        return self.trace(noisy, timestep, conditions)[0]

    def trace(
        self, noisy: Maps, timestep: Num[Tensor, " batch"], conditions: Mapping[str, Condition]
    ) -> tuple[Maps, Float[Tensor, "batch features h w"]]:
        """The velocity, and the coarsest features (B, F, h, w) that led to it."""
        unet, ports = self.unet, self.ports
        tokens, mask = ports.sequence(conditions, len(noisy))
        bias = None if mask is None else (~mask).to(noisy.dtype)[:, None] * HIDDEN
        time = unet.time_embedding(unet.time_proj(timestep).to(noisy.dtype))
        flow = Flow(ports.embedding(conditions, time), tokens, bias)
        x = ports.features(conditions, unet.conv_in(noisy))
        flow.skips.append(x)
        deep, middle = self._deep(self._down(x, flow, unet.down_blocks[:1]), flow)
        return self._out(self._up(deep, flow, unet.up_blocks[-1:])), middle

    def _deep(self, x: Tensor, flow: Flow) -> tuple[Maps, Float[Tensor, "batch features h w"]]:
        """What comes back from below the finest level, and the coarsest features there."""
        unet = self.unet
        x = self._down(x, flow, unet.down_blocks[1:])
        middle = unet.mid_block(x, **flow.arguments(unet.mid_block))
        return self._up(middle, flow, unet.up_blocks[:-1]), middle

    def _down(self, x: Tensor, flow: Flow, blocks: Iterable[nn.Module]) -> Tensor:
        for block in blocks:
            x, skips = block(x, **flow.arguments(block))
            flow.skips.extend(skips)
        return x

    def _up(self, x: Tensor, flow: Flow, blocks: Iterable[Any]) -> Tensor:
        for block in blocks:
            skips = flow.take(len(block.resnets))
            size = flow.skips[-1].shape[-2:] if flow.skips else None
            x = block(x, res_hidden_states_tuple=skips, upsample_size=size, **flow.arguments(block))
        return x

    def _out(self, x: Tensor) -> Tensor:
        unet = self.unet
        velocity: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))
        return velocity

    @torch.no_grad()
    def set_null(self, tokens: Float[Tensor, "length features"]) -> None:
        """Store (L, D), what the stock pipeline feeds for an empty prompt."""
        self.ports.stock.null.copy_(tokens)
