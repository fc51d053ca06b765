"""How far the parts the coach sees are from filling their boxes."""

from __future__ import annotations

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.layout.signal import Layout
from misen.perception.reading import Reading
from misen.perception.senses import SIZE, Look, Senses
from misen.scene.anatomy import CLASSES
from misen.scene.layout import PARTS

STRIP = 2 / SIZE
"""Width of the strip along each edge of a box that its part must reach."""


class LayoutEnergy:
    """Mean over the boxes of what of the part is seen outside, relative to the box, and of the edges not reached."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Layout, first: View) -> Disagreement:
        """Draw the boxes and the strips along their edges once."""
        inside, strips = _regions(signal.corners)
        area, count = inside.sum((2, 3)).clamp_min(1), signal.given.sum(1).clamp_min(1)

        def disagreement(view: View) -> Tensor:
            parts = soft_parts(self.look(view.image))
            outside = (parts * ~inside).sum((2, 3)) / area
            missed = 1 - (parts[:, :, None] * strips).amax((3, 4)).mean(2)
            return ((outside + missed) * signal.given).sum(1) / count

        return disagreement


def soft_parts(reading: Reading) -> Tensor:
    """(B, 13, 64, 64) probability of each part of ``scene.layout.LABELS``."""
    classes = reading.segmentation.float().softmax(1)
    return torch.stack([classes[:, [CLASSES.index(c) for c in part]].sum(1) for part in PARTS.values()], dim=1)


def _regions(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels (B, 13, 64, 64) in each box, and (B, 13, 4, 64, 64) in the strips along its edges."""
    axis = (torch.arange(SIZE, device=corners.device) + 0.5) / SIZE
    x0, y0, x1, y1 = (edge[..., None] for edge in corners.unbind(2))
    columns, rows = (axis > x0) & (axis < x1), (axis > y0) & (axis < y1)
    inside = columns[:, :, None, :] & rows[:, :, :, None]
    sides = torch.stack(((axis < x0 + STRIP), (axis > x1 - STRIP)), dim=2)[:, :, :, None, :]
    ends = torch.stack(((axis < y0 + STRIP), (axis > y1 - STRIP)), dim=2)[:, :, :, :, None]
    along = torch.cat((sides.expand(-1, -1, -1, SIZE, -1), ends.expand(-1, -1, -1, -1, SIZE)), dim=2)
    return inside, along & inside[:, :, None]


def build(coach: Senses) -> LayoutEnergy:
    """The energy of what the coach's observer sees."""
    return LayoutEnergy(coach.observer())
