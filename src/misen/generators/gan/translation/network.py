"""The translating network: maps become a field, vectors a style code, an exemplar is matched, and a decoder paints."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Flags, Images, Maps, Vectors
from misen.generators.gan.translation.concat import ConcatDecoder
from misen.generators.gan.translation.correspondence import Match, Matcher
from misen.generators.gan.translation.field import Conditions, MapField
from misen.generators.gan.translation.spade import START, SpadeDecoder
from misen.generators.gan.translation.style import Belief, StyleExperts

Fusion = Literal["spade", "concat"]


@dataclass(frozen=True)
class NetworkSettings:
    """Size and shape.

    Attributes:
        fusion: how the decoder takes the field in.
        widths: channels at 4, 8, 16, ... cells per side; pictures are twice as large as the last of these.
        hidden: channels inside each modulation of SPADE.
        field: channels of the field.
        style: numbers of the style code.
        domain: channels of the domain in which an exemplar is matched.
        depth: residual units of each network into it.
    """

    fusion: Fusion = "spade"
    widths: Sequence[int] = (128, 96, 64, 40)
    hidden: int = 32
    field: int = 32
    style: int = 64
    domain: int = 48
    depth: int = 2

    @property
    def side(self) -> int:
        """Cells of the field along each side."""
        return int(START * 2 ** (len(self.widths) - 1))

    @property
    def size(self) -> int:
        """Height and width of the pictures, in pixels."""
        return 2 * self.side


@dataclass(frozen=True)
class Table:
    """The ports of a network.

    Attributes:
        maps: widths of those that take maps, by name.
        vectors: widths of those that take vectors, by name.
        exemplar: the one that takes a picture to be matched; "" for none.
    """

    maps: Mapping[str, int]
    vectors: Mapping[str, int]
    exemplar: str = ""


@dataclass(frozen=True)
class Composed:
    """What a picture is to be painted from.

    Attributes:
        belief: about its style.
        field: (B, C, h, h) of its maps, and of its exemplar.
        placed: (B,) whether it has any map.
        given: (B,) whether it has any map or an exemplar, so that there is something in the field.
        match: of its maps and its exemplar; None if no item has one.
    """

    belief: Belief
    field: Maps
    placed: Flags
    given: Flags
    match: Match | None = None


DECODERS: Mapping[Fusion, Callable[[NetworkSettings], nn.Module]] = {
    "spade": lambda chosen: SpadeDecoder(chosen.style, chosen.field, chosen.widths, chosen.hidden),
    "concat": lambda chosen: ConcatDecoder(chosen.style, chosen.field, chosen.widths),
}


class TranslationNetwork(nn.Module):
    """Conditions and noise -> pictures, by way of a style code and a field."""

    def __init__(self, settings: NetworkSettings, table: Table) -> None:
        super().__init__()
        self.settings, self.table = settings, table
        self.field = MapField(table.maps, settings.field, settings.side)
        self.style = StyleExperts(table.vectors, settings.style)
        self.matcher = Matcher(settings.field, settings.domain, settings.depth) if table.exemplar else None
        self.decoder = DECODERS[settings.fusion](settings)

    def forward(self, conditions: Conditions, noise: Vectors) -> Images:
        """(B, 3, size, size) in [-1, 1] under conditions of B items, for standard normal noise (B, style)."""
        composed = self.compose(conditions, noise)
        return self.paint(composed.belief.at(noise), composed.field)

    def compose(self, conditions: Conditions, noise: Vectors) -> Composed:
        """What the conditions say of style and field; ``noise`` (B, style) tells of how many items."""
        total, placed = self.field(conditions, len(noise))
        composed = Composed(self.style(conditions, noise), total, placed, placed)
        exemplar = conditions.get(self.table.exemplar)
        return composed if self.matcher is None or exemplar is None else _matched(self.matcher, composed, exemplar)

    def paint(self, style: Vectors, field: Maps) -> Images:
        """(B, 3, size, size) of style codes (B, style) and fields (B, C, h, h)."""
        image: Tensor = self.decoder(style, field)
        return image.float()


def _matched(matcher: Matcher, composed: Composed, exemplar: Condition) -> Composed:
    """With what an exemplar adds to the field: its pixels where the maps seek them, or as they are without maps."""
    match = matcher(composed.field, exemplar.value)
    added = matcher.bring(match, exemplar.value, composed.placed)
    field = composed.field + torch.where(exemplar.present[:, None, None, None], added, 0.0)
    return replace(composed, field=field, given=composed.given | exemplar.present, match=match)


def as_large(settings: NetworkSettings, fusion: Fusion, table: Table) -> NetworkSettings:
    """The settings of another fusion, with all widths multiplied by what makes its network most nearly as large."""
    goal, percents = parameters(settings, table), range(50, 201)

    def scaled(percent: int) -> NetworkSettings:
        widths = tuple(max(1, round(width * percent / 100)) for width in settings.widths)
        return replace(settings, fusion=fusion, widths=widths)

    above = bisect_left(percents, goal, key=lambda percent: parameters(scaled(percent), table))
    nearby = map(scaled, percents[max(above - 1, 0) : above + 1])
    return min(nearby, key=lambda one: abs(parameters(one, table) - goal))


def parameters(settings: NetworkSettings, table: Table) -> int:
    """How many numbers a network learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in TranslationNetwork(settings, table).parameters())
