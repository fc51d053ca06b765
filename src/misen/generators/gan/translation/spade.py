"""Painting by SPADE: from a style code at 4 x 4 cells up, with the field modulating every block.

Source: Park et al. 2019 (arXiv:1903.07291), section 3.2 and figure 4; deviation: nothing runs at full resolution, the
picture leaves as 2 x 2 pixels a cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.shapes import Maps, Vectors
from misen.nn.fusion.spade import SLOPE, SpadeBlock

START = 4
"""Cells per side where painting begins."""


class SpadeDecoder(nn.Module):
    """Style code and field -> picture.

    Args:
        style: numbers of the style code.
        field: channels of the field.
        widths: channels at 4, 8, 16, ... cells per side; the last ones are those of the field.
        hidden: channels inside each modulation.
        outputs: channels of what is painted.
    """

    def __init__(self, style: int, field: int, widths: Sequence[int], hidden: int, outputs: int = 3) -> None:
        super().__init__()
        self.entry = nn.Linear(style, START**2 * widths[0])
        steps = pairwise((widths[0], *widths, widths[-1]))
        self.blocks = nn.ModuleList(SpadeBlock(before, after, field, hidden) for before, after in steps)
        self.exit = nn.Conv2d(widths[-1], 4 * outputs, 3, padding=1)

    def forward(self, style: Vectors, field: Maps) -> Float[Tensor, "batch outputs height width"]:
        """(B, style) and (B, field, h, h) -> (B, outputs, 2h, 2h) in [-1, 1]."""
        *_, features = self.stages(style, field)
        return functional.pixel_shuffle(self.exit(functional.leaky_relu(features, SLOPE)), 2).tanh()

    def stages(self, style: Vectors, field: Maps) -> Iterator[Tensor]:
        """The features (B, C, s, s) after each block, coarse to fine."""
        side = field.shape[-1]
        x = self.entry(style).unflatten(1, (-1, START, START))
        for index, block in enumerate(self.blocks):
            if index and x.shape[-1] < side:
                x = functional.interpolate(x, scale_factor=2.0)
            x = block(x, functional.avg_pool2d(field, side // x.shape[-1]))
            yield x
