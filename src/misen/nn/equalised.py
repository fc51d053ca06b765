"""Layers whose weights are scaled where they are used, so that an optimiser moves all of them at one relative pace.

Source: Karras et al. 2018 (arXiv:1710.10196), section 4.1.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Points

SLOPE = 0.2
"""Of leaky rectifiers, below zero."""


class EqualLinear(nn.Module):
    """A linear layer whose outputs have unit variance where its inputs have.

    Args:
        inputs: width of what comes in.
        outputs: width of what goes out.
        bias: what is added to every output in the beginning.
        pace: of learning, relative to other layers.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, pace: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / pace)
        self.bias = nn.Parameter(torch.full((outputs,), bias / pace))
        self.gain, self.pace = pace / math.sqrt(inputs), pace

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        """(B, inputs) -> (B, outputs)."""
        return functional.linear(self.gain * x, self.weight, self.pace * self.bias)


class EqualConv(nn.Module):
    """A convolution whose outputs have unit variance where its inputs have; the grid stays as it is.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        kernel: height and width of the kernel, odd.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain, self.padding = 1 / (kernel * math.sqrt(inputs)), kernel // 2

    def forward(self, x: Float[Tensor, "batch inputs rows columns"]) -> Float[Tensor, "batch outputs rows columns"]:
        """(B, inputs, h, w) -> (B, outputs, h, w)."""
        return functional.conv2d(x, self.gain * self.weight, self.bias, padding=self.padding)


def leaky(x: Points) -> Points:
    """A leaky rectifier that keeps the mean square of what is normally distributed, to 2 %."""
    return functional.leaky_relu(x, SLOPE) * math.sqrt(2)
