"""Between pictures and tokens: the code of each cell, and pictures of codes that are certain or only probable.

Source: Bengio et al. 2013 (arXiv:1308.3432), section 2.3, for the gradient that passes what was rounded.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from misen.codecs.quantized import VQAutoencoder
from misen.core.errors import InputError
from misen.core.shapes import Images, Maps
from misen.generators.autoregressive.tokens import UNDECIDED, Grid, TokenMap


class Tokenizer:
    """An autoencoder with one code for each cell.

    Args:
        autoencoder: frozen.

    Attributes:
        codes: different ones there are.
        stride: pixels per cell, along each side.
    """

    def __init__(self, autoencoder: VQAutoencoder) -> None:
        if autoencoder.quantize.groups != 1:
            hint = "train one with groups = 1"
            found = f"this autoencoder has {autoencoder.quantize.groups} codes for each cell"
            raise InputError(f"{found}, and a sequence needs one", field="quantizer.groups", hint=hint)
        self.autoencoder = autoencoder
        self.codes: int = autoencoder.quantize.codes
        self.stride: int = autoencoder.stride

    def grid(self, height: int, width: int) -> Grid:
        """The cells of pictures of that size; raises ``InputError`` where they do not come out even."""
        if height % self.stride or width % self.stride:
            size = f"{width}x{height}"
            raise InputError(f"width and height must be multiples of {self.stride}, got {size}", field="size")
        return height // self.stride, width // self.stride

    def read(self, images: Images) -> TokenMap:
        """The tokens of pictures (B, 3, H, W) in [-1, 1]."""
        latents = self.autoencoder.encode(images).latents
        indices: Tensor = self.autoencoder.quantize(latents).indices
        return indices[:, 0]

    def look_up(self, tokens: TokenMap) -> Maps:
        """The codes (B, C, h, w) of tokens; where they are undecided, the mean of all codes."""
        codes: Tensor = self.autoencoder.quantize.look_up(tokens.clamp(min=0)[:, None])
        mean = self.table().mean(0)[None, :, None, None]
        return torch.where((tokens == UNDECIDED)[:, None], mean, codes.to(mean.dtype))

    def expected(self, point: Float[Tensor, "batch codes rows columns"]) -> Maps:
        """The codes that logits (B, K, h, w) make most probable; gradients see the mean under the probabilities."""
        table = self.table().to(point.dtype)
        soft = torch.einsum("bkij,kc->bcij", point.softmax(1), table)
        hard: Tensor = table[point.argmax(1)].movedim(-1, 1)
        return soft + (hard - soft).detach()

    def certain(self, tokens: TokenMap, logit: float) -> Float[Tensor, "batch codes rows columns"]:
        """Logits (B, K, h, w): ``logit`` for each token, 0 for all other codes."""
        return logit * functional.one_hot(tokens, self.codes).movedim(-1, 1).float()

    def show(self, codes: Maps) -> Images:
        """The pictures of codes (B, C, h, w), not clipped."""
        image: Tensor = self.autoencoder.decoder(codes)
        return image

    def table(self) -> Float[Tensor, "codes features"]:
        """All codes."""
        every: Int[Tensor, "1 1 1 codes"] = torch.arange(self.codes, device=self.autoencoder.device)[None, None, None]
        codes: Tensor = self.autoencoder.quantize.look_up(every)
        return codes[0, :, 0].mT
