"""Matching: each place of the maps looks for its like in an exemplar, whose pixels are brought there as one more map.

Source: Zhang et al. 2020 (arXiv:2004.05571), section 3.1; deviations: matched on cells of 4 x 4 pixels, whose pixels
are taken over as they are, and places know where they lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.codecs.layers import units
from misen.core.shapes import Flags, Images, Maps
from misen.nn.fusion.correspondence import Alikeness, attention, centres, correlation, directions, warp

CELL = 4
"""Pixels of a cell along each side."""


@dataclass(frozen=True)
class Match:
    """Maps and an exemplar in their shared domain.

    Attributes:
        sought: (B, S, h, h) unit vectors of the maps' places.
        found: (B, S, h, h) of the exemplar's.
    """

    sought: Maps
    found: Float[Tensor, "batch channels _ _"]

    def shares(self) -> Alikeness:
        """(B, P, Q) how much each place of the maps takes from each of the exemplar."""
        return attention(correlation(self.sought, self.found))

    def back(self) -> Alikeness:
        """(B, Q, P) how much each place of the exemplar would take from each of the maps."""
        return attention(correlation(self.found, self.sought))


class Matcher(nn.Module):
    """Two networks into one domain, and an entrance for what is brought over.

    Args:
        field: channels of the field.
        width: of the shared domain.
        depth: residual units of each network.
    """

    def __init__(self, field: int, width: int, depth: int) -> None:
        super().__init__()
        self.of_field = _network(4 * field, width, depth)
        self.of_pictures = _network(3 * CELL**2, width, depth)
        self.entrance = nn.Conv2d(12, field, 1)

    def forward(self, field: Maps, picture: Images) -> Match:
        """(B, field, 2h, 2h) and (B, 3, 4h, 4h), matched on h x h places."""
        return Match(self.places(field), self.look(picture))

    def places(self, field: Maps) -> Tensor:
        """(B, width, h, h) unit vectors of a field (B, field, 2h, 2h)."""
        return _settled(self.of_field, functional.pixel_unshuffle(field, 2))

    def look(self, picture: Images) -> Maps:
        """(B, width, h, h) unit vectors of pictures (B, 3, 4h, 4h)."""
        return _settled(self.of_pictures, functional.pixel_unshuffle(picture, CELL))

    def bring(self, match: Match, picture: Images, placed: Flags) -> Maps:
        """What exemplars (B, 3, 4h, 4h) add to the field, (B, field, 2h, 2h).

        Args:
            match: of the maps and the exemplars.
            picture: the exemplars.
            placed: (B,) which have maps; where there are none, nothing is sought and pixels stay where they are.
        """
        own = functional.pixel_unshuffle(picture, CELL)
        cells = torch.where(placed[:, None, None, None], warp(match.shares(), own, own.shape[2]), own)
        added: Tensor = self.entrance(functional.pixel_shuffle(cells, 2))
        return added


def _network(inputs: int, width: int, depth: int) -> nn.Sequential:
    """Convolutions over cells that know where they lie."""
    return nn.Sequential(
        nn.Conv2d(inputs + 2, width, 1), units(width, depth), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)
    )


def _settled(network: nn.Module, cells: Maps) -> Tensor:
    """Unit vectors of cells (B, C, h, w)."""
    rows, columns = cells.shape[-2:]
    where = (2 * centres(rows, columns) - 1).to(cells).T.unflatten(1, (rows, columns))
    return directions(network(torch.cat([cells, where.expand(len(cells), -1, -1, -1)], dim=1)))
