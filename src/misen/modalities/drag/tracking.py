"""Points followed from picture to picture by the features around them.

Source: Pan et al. 2023, DragGAN (arXiv:2305.10973), section 3.2.2; deviations: places are sought in steps of half a
cell, features have unit length, and of places alike the nearest counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Maps
from misen.modalities.drag.signal import Drag

Places = Float[Tensor, "batch points 2"]
"""x, y in [0, 1], (0, 0) top left."""
Columns = Float[Tensor, "batch points channels"]
"""Features at places."""
DEPTH = 2
"""Maps of a pyramid that tell one place from another."""
FINEST = 0.5
"""Cells from one place that is looked at to the next."""
NEAREST = 1e-3
"""What a cell of distance counts, as a mean absolute difference of features."""


def joined(pyramid: Sequence[Maps]) -> Maps:
    """The finest maps of a pyramid as one, on the grid of the first; each has unit length at every place."""
    size = pyramid[0].shape[-2:]
    sized = [functional.interpolate(maps.float(), size, mode="bilinear") for maps in pyramid[:DEPTH]]
    return torch.cat([functional.normalize(maps, dim=1) for maps in sized], dim=1)


def cell(maps: Maps) -> Tensor:
    """(2,) width and height of a cell, as parts of the picture's."""
    return torch.tensor([1 / maps.shape[-1], 1 / maps.shape[-2]], device=maps.device)


def take(maps: Maps, places: Places) -> Columns:
    """The features at places, bilinear; differentiable in the maps."""
    grid = (2 * places - 1)[:, :, None].to(maps)
    found: Tensor = functional.grid_sample(maps, grid, padding_mode="border", align_corners=False)
    return found[..., 0].transpose(1, 2)


def held(signal: Drag, landmarks: Places) -> Places:
    """Where the handles of a signal are in pictures whose 32 landmarks are known: those with a name where these are."""
    which = signal.landmarks.clamp_min(0)[..., None].expand(-1, -1, 2)
    return torch.where(signal.landmarks[..., None] >= 0, landmarks.gather(1, which), signal.handles)


def follow(maps: Maps, wanted: Columns, places: Places, radius: int) -> Places:
    """Where within ``radius`` cells of ``places`` the features are most like the ``wanted`` ones."""
    steps = around(radius, FINEST).to(maps)
    looked = (places[:, :, None] + steps * cell(maps)).clamp(0, 1)
    found = take(maps, looked.flatten(1, 2)).unflatten(1, looked.shape[1:3])
    unlike = (found - wanted[:, :, None]).abs().mean(3) + NEAREST * steps.norm(dim=1)
    best = unlike.argmin(2)[..., None, None].expand(-1, -1, 1, 2)
    return looked.gather(2, best)[:, :, 0]


def around(radius: int, step: float = 1.0) -> Float[Tensor, "offsets 2"]:
    """The offsets x, y of a square grid, in cells."""
    count = round(radius / step)
    axis = step * torch.arange(-count, count + 1)
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).flatten(0, 1)
