"""The synthesis network: from a constant to a picture, every convolution under a style of its own.

Source: Karras et al. 2020 (arXiv:1912.04958), section 2, for modulation, noise and styles; Huang et al. 2025
(arXiv:2501.05441), section 3, for residual blocks; deviation: the picture unfolds from 2x2 blocks of pixels, so that
nothing runs at full resolution.

The latents of all layers together are a point of W+, (B, layers, width); what the layers make of them, one factor for
each channel that enters a convolution, is a point of S.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Images, Maps
from misen.nn.equalised import EqualConv, EqualLinear, leaky
from misen.nn.modulated import ModulatedConv

START = 4
"""Height and width of the constant."""
PIXELS = 2
"""Height and width, in pixels, of what one place of the finest features becomes."""
Features = Float[Tensor, "batch features height width"]
LatentsPlus = Float[Tensor, "batch layers latent"]
Styles = Float[Tensor, "batch styles"]
Draws = Float[Tensor, "batch inputs"]
Style = Float[Tensor, "batch channels"]
Noise = Float[Tensor, "batch 1 rows columns"]


class StyledLayer(nn.Module):
    """A modulated convolution, then noise, bias and rectifier; noise has no effect until its strength is learned."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.affine = EqualLinear(width, channels, bias=1.0)
        self.conv = ModulatedConv(channels, channels)
        self.strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Maps, style: Style, noise: Noise) -> Maps:
        """(B, channels, h, w) -> the same shape."""
        x = self.conv(x, style)
        return leaky(x + (self.strength * noise).to(x.dtype) + self.bias.to(x.dtype))


class StyledBlock(nn.Module):
    """Two layers of one resolution beside the identity."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.project = nn.Identity() if inputs == outputs else EqualConv(inputs, outputs, 1)
        self.first, self.second = StyledLayer(outputs, width), StyledLayer(outputs, width)

    def forward(self, x: Features, styles: Sequence[Style], noise: Sequence[Noise]) -> Maps:
        """(B, inputs, h, w), two styles (B, outputs) and two noises (B, 1, s, s) -> (B, outputs, s, s)."""
        x = _enlarged(self.project(x), noise[0].shape[-1])
        branch = self.second(self.first(x, styles[0], noise[0]), styles[1], noise[1])
        total: Tensor = math.sqrt(0.5) * (x + branch)
        return total


class Exit(nn.Module):
    """From the finest features to pixels, under a style too."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.affine = EqualLinear(width, channels, bias=1.0)
        self.conv = ModulatedConv(channels, 3 * PIXELS**2, 1, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(3 * PIXELS**2, 1, 1))

    def forward(self, x: Maps, style: Style) -> Images:
        """(B, channels, h, w) -> (B, 3, 2h, 2w), not clipped."""
        return functional.pixel_shuffle(self.conv(x, style) + self.bias.to(x.dtype), PIXELS)


@dataclass(frozen=True)
class Shown:
    """What the synthesis network makes.

    Attributes:
        image: (B, 3, H, W) about [-1, 1], not clipped.
        features: (B, C, h, w) what each block made, by the height of its maps in pixels.
    """

    image: Images
    features: Mapping[str, Float[Tensor, "batch _ _ _"]]


class SynthesisNetwork(nn.Module):
    """Residual blocks of styled layers.

    Args:
        channels: at 4x4, 8x8 and so on.
        width: of w.

    Attributes:
        layers: latents that it reads, the last one at its exit.
        sides: height and width of the maps of each block.
        style_widths: numbers of each layer's style.
        inputs: random numbers that it takes as noise.
        size: height and width of its pictures, in pixels.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.randn(channels[0], START, START))
        pairs = zip([channels[0], *channels], channels)  # noqa: B905  # the last has no block after it
        self.blocks = nn.ModuleList(StyledBlock(*pair, width) for pair in pairs)
        self.exit = Exit(channels[-1], width)
        self.layers = 2 * len(channels) + 1
        self.sides = tuple(START * 2**level for level in range(len(channels)))
        self.style_widths = (*(count for count in channels for _ in range(2)), channels[-1])
        self.inputs = sum(2 * side**2 for side in self.sides)
        self.size = PIXELS * self.sides[-1]

    def forward(self, point: LatentsPlus, noise: Draws) -> Images:
        """W+ (B, layers, width) and noise (B, inputs) -> pictures (B, 3, H, W), not clipped."""
        return self.show(self.styles(point), noise).image

    def styles(self, point: LatentsPlus) -> Styles:
        """A point of W+ -> that of S, the styles of all layers side by side."""
        latents = zip(self._affines(), point.unbind(1), strict=True)
        return torch.cat([affine(latent) for affine, latent in latents], dim=1)

    def show(self, styles: Styles, noise: Draws) -> Shown:
        """A point of S and noise -> pictures, and what led to them."""
        *inner, last = styles.split(self.style_widths, dim=1)
        maps, features = self._maps(noise), dict[str, Tensor]()
        x = self.constant.expand(len(styles), -1, -1, -1)
        for level, block in enumerate(self.blocks):
            own = slice(2 * level, 2 * level + 2)
            x = block(x, inner[own], maps[own])
            features[str(self.sides[level])] = x
        return Shown(self.exit(x, last), features)

    def _affines(self) -> Iterator[nn.Module]:
        """What makes a style of a latent, layer by layer."""
        for block in self.blocks:
            yield from (block.get_submodule(f"{layer}.affine") for layer in ("first", "second"))
        yield self.exit.affine

    def _maps(self, noise: Draws) -> list[Float[Tensor, "batch 1 _ _"]]:
        """The noise of each layer, (B, 1, s, s)."""
        sides = [side for side in self.sides for _ in range(2)]
        parts = noise.split([side**2 for side in sides], dim=1)
        return [part.view(-1, 1, side, side) for part, side in zip(parts, sides, strict=True)]


def _enlarged(x: Features, side: int) -> Float[Tensor, "batch features {side} {side}"]:
    """(B, C, h, w) -> (B, C, side, side), bilinear."""
    return x if x.shape[-1] == side else functional.interpolate(x, (side, side), mode="bilinear")
