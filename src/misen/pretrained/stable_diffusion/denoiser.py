"""The U-Net of a foreign model, asked as diffusers' pipelines ask it.

Source: Podell et al. 2023 (arXiv:2307.01952), section 2.2, for the sizes that larger models want to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffusers.models.attention_processor import AttnProcessor2_0
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float, Num
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Maps, Tokens
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.ports import Grid, Ports, PortSettings
from misen.pretrained.stable_diffusion.controlnet import residuals
from misen.pretrained.stable_diffusion.text import split_whole

TEXT = "text"


class StockDenoiser(Denoiser):
    """Predicts from noisy latents and prompts, with the attention that takes least memory.

    Args:
        unet: the network.
        null: (L, D), what stands for no prompt.
        stride: the autoencoder's, pixels per latent cell along each side.

    Attributes:
        controls: ControlNets by the names of their ports; none at first.
    """

    def __init__(self, unet: UNet2DConditionModel, null: Float[Tensor, "length features"], stride: int) -> None:
        length, width = null.shape
        super().__init__(unet, [PortSettings(TEXT, "tokens", width, length)], stride)
        self.stride, self.controls = stride, nn.ModuleDict()
        self.set_null(null)
        unet.set_attn_processor(AttnProcessor2_0())

    def forward(self, noisy: Maps, timestep: Num[Tensor, " batch"], conditions: Mapping[str, Condition]) -> Maps:
        """(B, C, h, w) at timesteps (B,) -> what this network predicts (B, C', h, w)."""
        tokens, _ = self.ports.sequence(conditions, len(noisy))
        given = self._given(tokens, noisy)
        controlled = residuals(self.controls, noisy, timestep, conditions, given)
        answer: Tensor = self.unet(noisy, timestep, **given, **controlled).sample
        return answer

    def _given(self, tokens: Tokens, noisy: Maps) -> dict[str, Any]:
        """The arguments besides latents and time."""
        return {"encoder_hidden_states": tokens}


class SizedDenoiser(StockDenoiser):
    """A denoiser of Stable Diffusion XL, which is also told the whole of the prompt and the size of the picture.

    Args:
        unet: the network.
        null: (L + 1, D), the last row the whole of no prompt.
        stride: as for ``StockDenoiser``.
        whole: width of the whole.
    """

    def __init__(
        self, unet: UNet2DConditionModel, null: Float[Tensor, "length features"], stride: int, whole: int
    ) -> None:
        super().__init__(unet, null, stride)
        self.whole = whole

    def _given(self, tokens: Tokens, noisy: Maps) -> dict[str, Any]:
        words, whole = split_whole(tokens, len(self.ports.stock.null), self.whole)
        sizes = noisy.new_tensor(self._sizes(noisy)).expand(len(noisy), -1)
        return {"encoder_hidden_states": words, "added_cond_kwargs": {"text_embeds": whole, "time_ids": sizes}}

    def _sizes(self, noisy: Maps) -> tuple[int, ...]:
        """Size before cropping, place of the crop, size after it: of a picture that was never cropped."""
        height, width = (self.stride * side for side in noisy.shape[-2:])
        return height, width, 0, 0, height, width


class WordlessDenoiser(StockDenoiser):
    """The U-Net of a model that is told nothing, and so has no ports.

    Args:
        unet: the network.
        stride: as for ``StockDenoiser``.
    """

    def __init__(self, unet: UNet2DModel, stride: int) -> None:
        nn.Module.__init__(self)
        width = unet.time_embedding.linear_2.out_features
        self.unet, self.stride, self.controls = unet, stride, nn.ModuleDict()
        self.ports = Ports((), Grid(unet.config.block_out_channels[0], width, 0, stride))

    def forward(self, noisy: Maps, timestep: Num[Tensor, " batch"], conditions: Mapping[str, Condition]) -> Maps:
        """(B, C, h, w) at timesteps (B,) -> what this network predicts (B, C, h, w)."""
        answer: Tensor = self.unet(noisy, timestep).sample
        return answer
