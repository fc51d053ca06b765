"""Modulated convolutions: each picture scales the channels in its own way, and what comes out is scaled back.

Source: Karras et al. 2020 (arXiv:1912.04958), section 2.2; deviation: features are scaled before and after one
convolution that the whole batch shares, instead of a kernel for each picture, which is the same to rounding and, where
there are no fast grouped convolutions, several times faster.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-8


class ModulatedConv(nn.Module):
    """A convolution under styles, one factor for each channel that comes in.

    Args:
        inputs: channels that come in, and numbers of a style.
        outputs: channels that go out.
        kernel: height and width of the kernel, odd.
        demodulate: whether outputs have unit variance, whatever the style, where inputs have.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.gain, self.padding = 1 / (kernel * math.sqrt(inputs)), kernel // 2
        self.demodulate = demodulate

    def forward(
        self, x: Float[Tensor, "batch inputs rows columns"], style: Float[Tensor, "batch inputs"]
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """(B, inputs, h, w) under styles (B, inputs) -> (B, outputs, h, w)."""
        style = self.gain * style
        made = functional.conv2d(_scaled(x, style), self.weight, padding=self.padding)
        return _scaled(made, self.levels(style)) if self.demodulate else made

    def levels(self, style: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """(B, outputs): one over the deviation that each output has under a style."""
        norms = torch.linalg.vector_norm(self.weight, dim=(2, 3), dtype=torch.float32)
        return (functional.linear(style.float().square(), norms.square()) + EPSILON).rsqrt()


def _scaled(
    x: Float[Tensor, "batch channels rows columns"], factors: Float[Tensor, "batch channels"]
) -> Float[Tensor, "batch channels rows columns"]:
    """Each channel of each item times a number; the format of ``x`` stays."""
    return x * factors.to(x.dtype)[:, :, None, None]
