"""Foreign models as generators: latent diffusion of any size, with or without a U-Net that was trained to repaint."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from misen.codecs.kinds import Autoencoder
from misen.core.errors import InputError
from misen.core.shapes import Images, Maps, Masks
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.schedule import Schedule
from misen.pretrained.stable_diffusion.denoiser import StockDenoiser


class StableDiffusion(DiffusionGenerator):
    """Latent diffusion that makes pictures of many sizes.

    Args:
        denoiser: asks the U-Net.
        autoencoder: pictures to latents and back.
        schedule: of the noise it was trained with.

    Attributes:
        side_step: width and height are multiples of it, in pixels.
    """

    denoiser: StockDenoiser

    def __init__(self, denoiser: StockDenoiser, autoencoder: Autoencoder, schedule: Schedule) -> None:
        super().__init__(denoiser, autoencoder, schedule=schedule)
        self.side_step: int = self.stride * 2 ** (len(denoiser.unet.config.block_out_channels) - 1)

    def sized(self, height: int, width: int) -> Self:
        """The same networks, making pictures of that size, in pixels."""
        other = copy.copy(self)
        other.shape = (self.shape[0], height // self.stride, width // self.stride)
        return other

    def reusing(self, interval: int) -> DiffusionGenerator:
        """As of every diffusion model.

        Raises:
            InputError: the U-Net is asked in another way than ours are: there are ControlNets, it is told sizes, or
                nothing.
        """
        if type(self.denoiser) is not StockDenoiser or self.denoiser.controls:
            message = "features cannot be kept beside ControlNets, nor in models of the XL kind or without words"
            raise InputError(message, field="cache_interval", hint="leave the interval out")
        return super().reusing(interval)


class Repainter(StableDiffusion):
    """A model whose U-Net also sees the mask and what the mask leaves of the picture.

    Source: Rombach et al. 2022 (arXiv:2112.10752), section 4.5.
    """

    beside: Maps | None = None
    """(B, 1 + C, h, w) or (1, 1 + C, h, w): the mask and the latents of the masked picture; None if all is free."""

    def around(self, image: Images, mask: Masks) -> Self:
        """The same networks, seeing what is known: pictures (B, 3, H, W) where the mask (B, 1, H, W) is below 1/2."""
        other, device = copy.copy(self), self.autoencoder.device
        free = (mask >= 0.5).to(device, image.dtype)
        cells = functional.interpolate(free, scale_factor=1 / self.stride)
        other.beside = torch.cat([cells, self.encode(image.to(device) * (1 - free))], 1)
        return other

    def known(self, mask: Masks) -> Tensor:
        """Nothing is forced: this network was trained to do it by itself."""
        return torch.ones_like(super().known(mask))

    def _seen(self, noisy: Maps) -> Maps:
        beside = self._all_free(noisy) if self.beside is None else self.beside
        return torch.cat([noisy, beside.repeat(len(noisy) // len(beside), 1, 1, 1)], 1)

    def _all_free(self, noisy: Maps) -> Maps:
        """A mask of ones, and the latents of a picture of which nothing is known."""
        height, width = (self.stride * side for side in noisy.shape[-2:])
        blank = noisy.new_zeros(1, 3, height, width)
        return torch.cat([noisy.new_ones(1, 1, *noisy.shape[-2:]), self.encode(blank)], 1)
