"""How far the edges the coach sees are from drawn lines."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.energy import Disagreement
from misen.core.view import View
from misen.modalities.sketch.signal import Sketch
from misen.perception.reading import Reading
from misen.perception.senses import Look, Senses

SIGMAS = (1.0, 2.0, 4.0)
"""Blurs at which lines and edges are compared, in pixels: the wide ones attract from afar, the narrow ones fit."""
STEP = 0.05
"""Difference in depth between neighbouring pixels that makes a full edge."""


class SketchEnergy:
    """Squared difference of blurred edges and blurred lines, relative to the lines' own square, mean over the blurs."""

    def __init__(self, look: Look) -> None:
        """Look with an observer."""
        self.look = look

    def begin(self, signal: Sketch, first: View) -> Disagreement:
        """Blur the lines once."""
        wanted = [blur(signal.ink, sigma) for sigma in SIGMAS]
        power = [lines.square().mean((1, 2, 3)).clamp_min(1e-6) for lines in wanted]

        def disagreement(view: View) -> Tensor:
            edges = soft_edges(self.look(view.image))
            gaps = [(blur(edges, s) - lines).square().mean((1, 2, 3)) for s, lines in zip(SIGMAS, wanted, strict=True)]
            return torch.stack([gap / own for gap, own in zip(gaps, power, strict=True)]).mean(0)

        return disagreement


def soft_edges(reading: Reading) -> Tensor:
    """(B, 1, 64, 64) in [0, 1]: where the class or the depth that is seen changes between neighbours."""
    classes = _change(reading.segmentation.float().softmax(1)).sum(1, keepdim=True) / 2
    depth = (_change(reading.depth.float()) / STEP).clamp_max(1)
    return 1 - (1 - classes.clamp(0, 1)) * (1 - depth)


def _change(maps: Tensor) -> Tensor:
    """The larger absolute difference to the right and the lower neighbour."""
    right = functional.pad((maps[..., :, 1:] - maps[..., :, :-1]).abs(), (0, 1, 0, 0))
    below = functional.pad((maps[..., 1:, :] - maps[..., :-1, :]).abs(), (0, 0, 0, 1))
    return torch.maximum(right, below)


def blur(maps: Tensor, sigma: float) -> Tensor:
    """(B, 1, H, W) under a Gaussian of ``sigma`` pixels."""
    reach = round(3 * sigma)
    kernel = torch.exp(-torch.arange(-reach, reach + 1, device=maps.device).float().square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    rows = functional.conv2d(maps, kernel.view(1, 1, 1, -1), padding=(0, reach))
    return functional.conv2d(rows, kernel.view(1, 1, -1, 1), padding=(reach, 0))


def build(coach: Senses) -> SketchEnergy:
    """The energy of what the coach's observer sees."""
    return SketchEnergy(coach.observer())
