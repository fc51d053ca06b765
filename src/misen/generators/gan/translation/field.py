"""The field: all maps that are given, as one sum of features at half the picture's size, from which it is painted."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.image import resize
from misen.core.shapes import Flags, Maps

Conditions = Mapping[str, Condition]
"""By port name; null where a port is not named."""


class MapField(nn.Module):
    """Adds up maps, each through an entrance that is linear in it and sees whole pixels: 2 x 2 of them a cell.

    What is resized afterwards is then as if the maps had been. A map that is absent adds nothing.

    Args:
        widths: channels of the maps, by port.
        channels: of the field.
        side: its height and width, half the picture's.
    """

    def __init__(self, widths: Mapping[str, int], channels: int, side: int) -> None:
        super().__init__()
        self.shape = (channels, side, side)
        self.entrances = nn.ModuleDict({name: nn.Conv2d(4 * width, channels, 1) for name, width in widths.items()})

    def forward(self, conditions: Conditions, batch: int) -> tuple[Maps, Flags]:
        """(B, channels, side, side), and of which items (B,) there is any map."""
        origin = next(self.parameters())
        total = origin.new_zeros(batch, *self.shape)
        placed = torch.zeros(batch, dtype=torch.bool, device=origin.device)
        for name, entrance in self.entrances.items():
            if name in conditions:
                present = conditions[name].present
                total = total + torch.where(present[:, None, None, None], entrance(self._cells(conditions[name])), 0.0)
                placed = placed | present
        return total, placed

    def _cells(self, condition: Condition) -> Tensor:
        """A map of any size as cells of 2 x 2 pixels."""
        return functional.pixel_unshuffle(resize(condition.value, 2 * self.shape[1]), 2)
