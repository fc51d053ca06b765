"""How far what was at some points still is from where it should be, told by features that are followed.

Source: Pan et al. 2023, DragGAN (arXiv:2305.10973), sections 3.2.1 and 3.2.2; deviations: features are the generator's
where it shows any, else those of the coach's observer; the energy is a mean over features and places, and falls to 0
within the last cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from misen.core.energy import Disagreement
from misen.core.image import stretch
from misen.core.shapes import Maps
from misen.core.view import View
from misen.modalities.drag.signal import Drag
from misen.modalities.drag.tracking import Columns, Places, around, cell, follow, held, joined, take
from misen.perception.senses import Look, Senses

PATCH = 1
"""Cells around a handle that move with it."""
REACH = 3
"""Cells around a handle in which it is sought again."""
LOCKED = 20.0
"""Weight of what changes where nothing may, as in the authors' program."""


class DragEnergy:
    """Motion supervision: one more cell of the way, by what is at each handle now; plus what changes outside a mask."""

    def __init__(self, look: Look) -> None:
        """Look with an observer, for landmarks and where a generator shows no features."""
        self.look = look

    def begin(self, signal: Drag, first: View) -> Disagreement:
        """Remember what is at the handles, and everything else where nothing may change."""
        with torch.no_grad():
            maps = self.maps(first)
            handles = held(signal, self.look(first.image).landmarks)
            return Motion(self.maps, signal, maps, take(maps, handles), handles)

    def maps(self, view: View) -> Maps:
        """The features that are followed: of a generator's maps those of half the picture's height."""
        if view.features is None:
            return joined(self.look(view.image).pyramid)
        return joined([view.features(str(view.image.shape[-2] // 2))])


@dataclass
class Motion:
    """A disagreement that follows its handles from view to view.

    Attributes:
        maps: the features of a view.
        signal: the ways.
        before: features of the first view.
        wanted: (B, 16, C) features at the handles of the first view.
        handles: (B, 16, 2) where they are now.
    """

    maps: Callable[[View], Maps]
    signal: Drag
    before: Maps
    wanted: Columns
    handles: Places

    def __call__(self, view: View) -> Tensor:
        """(B,) what keeps the patches from being one cell further, and what changed where nothing may."""
        maps = self.maps(view)
        self.handles = follow(maps.detach(), self.wanted, self.handles, REACH)
        return self._motion(maps) + LOCKED * self._change(maps)

    def _motion(self, maps: Maps) -> Tensor:
        patches = self.handles[:, :, None] + around(PATCH).to(maps) * cell(maps)
        further = patches + self._step(maps)[:, :, None]
        here, there = take(maps.detach(), patches.flatten(1, 2)), take(maps, further.flatten(1, 2))
        gaps: Tensor = (there - here).abs().mean(2).unflatten(1, patches.shape[1:3]).mean(2)
        return (gaps * self.signal.given).sum(1)

    def _step(self, maps: Maps) -> Tensor:
        """(B, 16, 2) towards the targets, a cell at most."""
        way = self.signal.targets - self.handles
        cells: Tensor = (way / cell(maps)).norm(dim=2, keepdim=True)
        return way / cells.clamp_min(1)

    def _change(self, maps: Maps) -> Tensor:
        locked = 1 - stretch(self.signal.mask, *maps.shape[-2:])
        return ((maps - self.before).abs() * locked).mean((1, 2, 3))


def build(coach: Senses) -> DragEnergy:
    """The energy of what the coach's observer sees."""
    return DragEnergy(coach.observer())
