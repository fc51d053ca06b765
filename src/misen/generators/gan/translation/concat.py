"""Painting by concatenation: a U-Net that reads the field as its input, with the style code beside its coarsest cells.

Source: Isola et al. 2016 (arXiv:1611.07004), section 3.2.1; deviations: instance norm throughout, so that norm follows
concatenation here and precedes the maps in SPADE, which is the experiment; nothing runs at full resolution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Images, Maps, Vectors
from misen.generators.gan.translation.spade import START
from misen.nn.fusion.spade import SLOPE


class NormedConvolution(nn.Module):
    """A 3x3 convolution, instance norm with a gain and a bias of its own, and a rectifier."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, padding_mode="replicate", bias=False)
        self.gain, self.bias = nn.Parameter(torch.ones(outputs, 1, 1)), nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: Maps) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h / stride, w / stride)."""
        return functional.leaky_relu(functional.instance_norm(self.convolution(x)) * self.gain + self.bias, SLOPE)


class ConcatDecoder(nn.Module):
    """Style code and field -> picture.

    Args:
        style: numbers of the style code.
        field: channels of the field.
        widths: channels at 4, 8, 16, ... cells per side; the last ones are those of the field.
    """

    def __init__(self, style: int, field: int, widths: Sequence[int]) -> None:
        super().__init__()
        coarse_to_fine = list(pairwise(widths))
        self.entry = NormedConvolution(field, widths[-1])
        self.downs = nn.ModuleList(NormedConvolution(fine, coarse, 2) for coarse, fine in reversed(coarse_to_fine))
        self.style = nn.Linear(style, START**2 * widths[0])
        self.middle = NormedConvolution(2 * widths[0], widths[0])
        self.ups = nn.ModuleList(
            nn.Sequential(NormedConvolution(coarse + fine, fine), NormedConvolution(fine, fine))
            for coarse, fine in coarse_to_fine
        )
        self.exit = nn.Conv2d(widths[-1], 12, 3, padding=1)

    def forward(self, style: Vectors, field: Maps) -> Images:
        """(B, style) and (B, field, h, h) -> (B, 3, 2h, 2h) in [-1, 1]."""
        *_, features = self.stages(style, field)
        return functional.pixel_shuffle(self.exit(features), 2).tanh()

    def stages(self, style: Vectors, field: Maps) -> Iterator[Tensor]:
        """The features (B, C, s, s) on the way up, coarse to fine."""
        skips = [self.entry(field)]
        for down in self.downs:
            skips.append(down(skips[-1]))
        beside = self.style(style).unflatten(1, (-1, START, START))
        x = self.middle(torch.cat([skips.pop(), beside], dim=1))
        yield x
        for up in self.ups:
            x = up(torch.cat([functional.interpolate(x, scale_factor=2.0), skips.pop()], dim=1))
            yield x
