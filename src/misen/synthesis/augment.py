"""Augment: energies that look at altered copies of a picture, so that nothing but what it shows can please them.

Source: Zhao et al. 2020, differentiable augmentation (arXiv:2006.10738), section 3; Crowson et al. 2022, VQGAN-CLIP
(arXiv:2204.08583), section 3.2; deviation: copies are moved only for energies whose wish says nothing of places.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from misen.core.energy import Disagreement, Energy, Placeless
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem
from misen.core.signal import Signal
from misen.core.view import View

SMALLEST = 0.75
"""Side of the smallest crop, as a fraction of the picture's."""
SHIFT = 0.125
"""How far a copy is shifted at most, as a fraction of the picture's side."""
HOLE = 0.25
"""Side of the square that is cut out, as a fraction of the picture's."""
NOISE = 0.05
"""Standard deviation of the noise added."""

Draws = Float[Tensor, " copies"]
"""One number in [0, 1) per copy."""


class Augmented:
    """The mean of an energy over a picture and altered copies of it."""

    def __init__(self, energy: Energy, copies: int) -> None:
        """Look ``copies`` >= 2 times, the first time at the picture as it is."""
        self.energy, self.copies = energy, copies
        self.moves = isinstance(energy, Placeless)

    def begin(self, signal: Signal, first: View) -> Disagreement:
        """Begin with each wish and each picture as often as they are looked at."""
        index = torch.arange(len(signal)).repeat_interleave(self.copies)
        disagreement = self.energy.begin(signal[index], self._with(first, self._repeated(first.image)))

        def mean(view: View) -> PerItem:
            assert view.rng is not None, "whoever shows estimates to energies brings randomness"
            several = self._with(view, looks(view.image, view.rng, self.copies, moves=self.moves))
            values: PerItem = disagreement(several).unflatten(0, (-1, self.copies)).mean(1)
            return values

        return mean

    def _with(self, view: View, image: Images) -> View:
        """Another picture; the generator's features are of the one it showed, so they are left out."""
        camera = None if view.camera is None else self._repeated(view.camera)
        return replace(view, image=image, camera=camera, features=None)

    def _repeated(self, tensor: Tensor) -> Tensor:
        return tensor.repeat_interleave(self.copies, 0)


def augmented(energy: Energy, copies: int) -> Energy:
    """``energy`` looking at each picture ``copies`` times."""
    return energy if copies == 1 else Augmented(energy, copies)


def looks(image: Images, rng: Streams, copies: int, *, moves: bool) -> Float[Tensor, "looks 3 height width"]:
    """Each picture as it is, followed by ``copies - 1`` altered ones; differentiable in the pictures.

    Args:
        image: (B, 3, H, W).
        rng: B streams, so that the copies of a picture do not depend on its batch.
        copies: at least 2.
        moves: whether copies are cropped, shifted and have a hole; noise is added in any case.
    """
    count = copies - 1
    several = image.repeat_interleave(count, 0)
    if moves:
        several = with_hole(moved(several, *_draws(rng, count, 3)), *_draws(rng, count, 2))
    several = several + NOISE * rng.normal(count, *image.shape[1:]).flatten(0, 1)
    return torch.cat([image[:, None], several.unflatten(0, (-1, count))], dim=1).flatten(0, 1)


def moved(image: Float[Tensor, "copies 3 height width"], size: Draws, x: Draws, y: Draws) -> Tensor:
    """Each copy cropped to between ``SMALLEST`` and all of its side, shifted, and brought back to its size."""
    scale = SMALLEST + (1 - SMALLEST) * size
    room = (1 - scale) + 2 * SHIFT  # the grid's sides are two long
    rows = (torch.stack([scale, 0 * x, room * (2 * x - 1)], 1), torch.stack([0 * y, scale, room * (2 * y - 1)], 1))
    grid = functional.affine_grid(torch.stack(rows, 1), list(image.shape), align_corners=False)
    return functional.grid_sample(image, grid, padding_mode="border", align_corners=False)


def with_hole(image: Float[Tensor, "copies 3 height width"], x: Draws, y: Draws) -> Tensor:
    """Each copy with a grey square somewhere."""
    columns, rows = _inside(x, image.shape[-1]), _inside(y, image.shape[-2])
    return image.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def _inside(start: Draws, length: int) -> Bool[Tensor, "copies {length}"]:
    """Which of ``length`` pixels lie in a stretch of ``HOLE`` of them, whose place ``start`` says."""
    axis, first = (torch.arange(length, device=start.device) + 0.5) / length, (1 - HOLE) * start[:, None]
    return (axis >= first) & (axis < first + HOLE)


def _draws(rng: Streams, count: int, numbers: int) -> tuple[Draws, ...]:
    """``numbers`` draws for each of ``count`` copies of each picture."""
    return rng.uniform(count, numbers).flatten(0, 1).unbind(1)
