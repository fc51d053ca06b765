"""The alignment: experts of other modalities, each of which tells where in W+ the pictures lie that it describes.

An expert tells every coordinate of every layer, and how surely. Several of them, and the latents that pictures have as
a rule, are multiplied as normal distributions: who is sure is believed. Words that speak of colors and maps that speak
of shapes so divide the layers and the directions among themselves, and what nobody speaks of stays as it was drawn.

Source: Xia et al. 2021 (arXiv:2012.03308), section 3, for encoders of text, maps and drawings into the W+ of an image
encoder; Huang et al. 2021 (arXiv:2112.05130), section 3.2, for products of experts; deviation: experts speak of latents
of a finished generator, and a product moves latents that are there already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from misen.core.condition import Condition, Layout
from misen.core.port import Port
from misen.core.shapes import Vectors
from misen.generators.gan.alignment.coordinates import Coordinates
from misen.generators.gan.alignment.readers import READERS, AlignmentSettings
from misen.generators.gan.synthesis import LatentsPlus
from misen.generators.gan.translation.style import Belief

Conditions = Mapping[str, Condition]
"""By port name; null where a port is not named."""


@dataclass(frozen=True)
class AlignedPort:
    """A line of an alignment's table of ports.

    Attributes:
        name: the modality it serves.
        layout: of its conditions, "map" or "tokens".
        width: D of them.
    """

    name: str
    layout: Layout
    width: int

    def port(self) -> Port:
        """The port that a planner sees."""
        return Port(self.layout, self.width, frozenset({self.name}))


@dataclass(frozen=True)
class Opinion:
    """What one expert says of B points.

    Attributes:
        mean: (B, layers * width) coordinates.
        sureness: (B, layers * width) >= 0, in units of how sure one is of any picture; 0 of items it was told nothing
            of.
    """

    mean: Vectors
    sureness: Vectors


class Expert(nn.Module):
    """Reads the conditions of one port.

    Args:
        reader: conditions -> (B, hidden).
        hidden: width of that.
        layers: latents of a point.
        width: of each.
    """

    def __init__(self, reader: nn.Module, hidden: int, layers: int, width: int) -> None:
        super().__init__()
        self.reader = reader
        self.base, self.offsets = nn.Linear(hidden, width), nn.Linear(hidden, layers * width)
        self.of_layer, self.of_axis = nn.Linear(hidden, layers), nn.Linear(hidden, width)
        self.usual = nn.Parameter(torch.zeros(layers, width))
        for late in (self.offsets, self.of_layer, self.of_axis):
            nn.init.zeros_(late.weight)
            nn.init.zeros_(late.bias)

    def forward(self, condition: Condition) -> Opinion:
        """The opinion about the points of B items."""
        told = self.reader(condition)
        mean = self.base(told)[:, None] + self.offsets(told).unflatten(1, self.usual.shape)
        sure = self.usual + self.of_layer(told)[..., None] + self.of_axis(told)[:, None]
        heard = functional.softplus(sure.float()) * condition.present[:, None, None]
        return Opinion(mean.float().flatten(1), heard.flatten(1))


class Alignment(nn.Module):
    """Experts by port.

    Args:
        settings: size and shape.
        table: of the ports.
        size: height and width of the generator's pictures, in pixels.
        layers: latents of its points.
        width: of each.
    """

    def __init__(
        self, settings: AlignmentSettings, table: Sequence[AlignedPort], *, size: int, layers: int, width: int
    ) -> None:
        super().__init__()
        self.settings, self.table = settings, tuple(table)
        self.coordinates = Coordinates(layers, width)
        self.experts = nn.ModuleDict(
            {
                line.name: Expert(READERS[line.layout](line.width, settings, size), settings.hidden, layers, width)
                for line in table
            }
        )

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the experts can be rebuilt beside their generator."""
        ports = {line.name: {"layout": line.layout, "width": line.width} for line in self.table}
        return {"settings": asdict(self.settings), "ports": ports}

    def forward(self, conditions: Conditions, point: LatentsPlus) -> LatentsPlus:
        """Points (B, layers, width) as conditions want them; what these say nothing of stays, exactly."""
        own = self.coordinates(point)
        belief = agreed(list(self.listen(conditions).values()), own)
        return point + self.coordinates.difference(belief.at(own) - own)

    def listen(self, conditions: Conditions) -> dict[str, Opinion]:
        """The opinion of every expert that is told something, by port."""
        return {name: expert(conditions[name]) for name, expert in self.experts.items() if name in conditions}


def agreed(opinions: Sequence[Opinion], like: Vectors) -> Belief:
    """The product of opinions and of what is known of any picture; ``like`` (B, D) tells of how many items."""
    precision, weighted = torch.ones_like(like), torch.zeros_like(like)
    for opinion in opinions:
        precision, weighted = precision + opinion.sureness, weighted + opinion.sureness * opinion.mean
    return Belief(weighted / precision, precision)
