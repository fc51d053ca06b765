"""The residual convolutions of the codecs: no layer at full resolution, and no normalisation, which blurs and is slow.

The picture enters as 2x2 blocks of pixels and leaves in the same way, so that a stride of 4 needs one further halving.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.errors import InputError
from misen.core.shapes import Images, Maps


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions beside the identity; starts as the identity, so that depth needs no normalisation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Maps) -> Maps:
        """(B, width, h, w) -> the same shape."""
        branch: Tensor = self.second(functional.silu(self.first(functional.silu(x))))
        return x + branch


def units(width: int, count: int) -> nn.Sequential:
    """``count`` residual units."""
    return nn.Sequential(*(ResidualUnit(width) for _ in range(count)))


class Encoder(nn.Module):
    """Picture, or another map of its size -> map at stride ``2 ** len(widths)``."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int], outputs: int, *, channels: int = 3) -> None:
        """``widths`` and ``depths`` count channels and units per stride, from stride 2 on; ``channels`` come in."""
        super().__init__()
        self.stride = 2 ** len(widths)
        self.entry = nn.Conv2d(4 * channels, widths[0], 3, padding=1)
        self.stages = nn.ModuleList(map(units, widths, depths))
        self.halvings = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.exit = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(
        self, image: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """(B, channels, H, W) -> (B, outputs, h, w); raises ``InputError`` unless the stride divides H and W."""
        if image.shape[-1] % self.stride or image.shape[-2] % self.stride:
            size = f"{image.shape[-1]}x{image.shape[-2]}"
            raise InputError(f"width and height must be multiples of {self.stride}, got {size}", field="size")
        x = self.stages[0](self.entry(functional.pixel_unshuffle(image, 2)))
        for halving, stage in zip(self.halvings, self.stages[1:], strict=True):
            x = stage(halving(x))
        outputs: Tensor = self.exit(functional.silu(x))
        return outputs


class Decoder(nn.Module):
    """Map at stride ``2 ** len(widths)`` -> picture."""

    def __init__(self, inputs: int, widths: Sequence[int], depths: Sequence[int]) -> None:
        """``widths`` and ``depths`` count channels and units per stride, from stride 2 on, as in the encoder."""
        super().__init__()
        self.entry = nn.Conv2d(inputs, widths[-1], 3, padding=1)
        self.stages = nn.ModuleList(reversed(list(map(units, widths, depths))))
        self.doublings = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in reversed(list(pairwise(widths))))
        self.exit = nn.Conv2d(widths[0], 12, 3, padding=1)

    def forward(self, latents: Maps) -> Images:
        """(B, inputs, h, w) -> (B, 3, H, W)."""
        x = self.stages[0](self.entry(latents))
        for doubling, stage in zip(self.doublings, self.stages[1:], strict=True):
            x = stage(functional.pixel_shuffle(doubling(x), 2))
        return functional.pixel_shuffle(self.exit(functional.silu(x)), 2)


Decode = Callable[[Maps], Images]
"""Latents (B, C, h, w) -> picture (B, 3, H, W), about [-1, 1]."""
