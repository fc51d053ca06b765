"""The roof: how many operations per second this machine does at best, where nothing but arithmetic is in the way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.timing import Effort, seconds
from misen.core.execution import Precision
from misen.nn.execution import DTYPES

SIDE = 2048
"""Of the matrices that are multiplied."""
CHANNELS, PLACES, BATCH = 128, 64, 8
"""Of the convolution: channels in and out, places along each side, pictures."""


@torch.inference_mode()
def roofs(effort: Effort) -> Mapping[Precision, Tensor]:
    """(R,) GFLOP per second in each precision and round: a matrix product's or a convolution's, whichever is more."""
    side, places = effort.of(SIDE), effort.of(PLACES)
    work = torch.tensor([2.0 * side**3, 2.0 * 9 * BATCH * CHANNELS**2 * places**2])[:, None] / 1e9
    found: dict[Precision, Tensor] = {}
    for precision, dtype in DTYPES.items():
        matrix = torch.randn(side, side, dtype=dtype)
        maps = torch.randn(BATCH, CHANNELS, places, places, dtype=dtype).to(memory_format=torch.channels_last)
        kernel = torch.randn(CHANNELS, CHANNELS, 3, 3, dtype=dtype).to(memory_format=torch.channels_last)
        convolve = partial(functional.conv2d, maps, kernel, padding=1)
        taken = seconds(effort, partial(torch.mm, matrix, matrix), convolve)
        found[precision] = (work / taken).amax(0)
    return found
