"""The generator: designs as states and as points, since a finished state has to show its maps without being told them.

A prediction puts what is given into the design. What nobody gives stays as it is, so an unguided walk stays, and one
that energies guide moves the style, and the maps that are not given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from misen.core.condition import Condition, Encoder, Layout, check_layout
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Vectors
from misen.core.signal import Signal
from misen.core.view import View
from misen.generators.gan.state import LatentState
from misen.generators.gan.translation.network import NetworkSettings, Table, TranslationNetwork


class TranslationGenerator:
    """Paints what maps say.

    Args:
        networks: conditions and noise to pictures.
        card: what is known of the model.

    Attributes:
        kind: by which its folder is opened.
        ports: by name. What is given replaces what was there, so nothing can be extrapolated from its absence.
        size: height and width of its pictures, in pixels.
    """

    kind = "translation"

    def __init__(self, networks: TranslationNetwork, card: Mapping[str, Any] | None = None) -> None:
        self.networks, self.card = networks, dict(card or {})
        self.ports: Mapping[str, Port] = _ports(networks.table)
        self.size = networks.settings.size
        self._style, self._field = networks.settings.style, networks.field.shape
        self._unit = math.sqrt(math.prod(self._field) / self._style)

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the networks can be rebuilt."""
        return {"network": asdict(self.networks.settings), "table": asdict(self.networks.table)}

    @classmethod
    def built(cls, architecture: Mapping[str, Any], card: Mapping[str, Any]) -> TranslationGenerator:
        """One with untrained networks, as a card describes it; raises ``KeyError`` or ``TypeError`` if it does not."""
        settings, table = NetworkSettings(**architecture["network"]), Table(**architecture["table"])
        return cls(TranslationNetwork(settings, table), card)

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> LatentState:
        """A style at random, and no maps."""
        style = rng.normal(self._style)
        return _design(self._joined(style, style.new_zeros(batch, *self._field)), drawn=True)

    def predict(self, state: LatentState, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The design with what is given in its place: maps always, what vectors say of the style at the beginning."""
        style, field = self._parted(state.value)
        composed = self.networks.compose(conditions, style)
        if state.drawn:
            style = composed.belief.at(style)
        given = composed.given[:, None, None, None]
        field = torch.where(given, composed.field, field)
        return Estimate(self._joined(style, field), self._viewer(given, level))

    def finish(self, state: LatentState) -> Images:
        """The picture of a design."""
        return self.networks.paint(*self._parted(state.value))

    def own_encoders(self, usual: Mapping[str, Encoder]) -> Mapping[str, Encoder]:
        """Exemplars are read as pictures, since their pixels are to be brought elsewhere."""
        exemplar = self.networks.table.exemplar
        return {exemplar: PictureEncoder(self.size)} if exemplar else {}

    def _viewer(self, given: Tensor, level: Level) -> Callable[[Vectors], View]:
        """Paints designs; energies do not move maps that are given."""

        def view(point: Vectors) -> View:
            style, field = self._parted(point)
            return View(self.networks.paint(style, torch.where(given, field.detach(), field)), level=level.progress)

        return view

    def _joined(self, style: Vectors, field: Maps) -> Tensor:
        """The point of a style code and a field."""
        return torch.cat([style, field.flatten(1) / self._unit], dim=1)

    def _parted(self, point: Vectors) -> tuple[Tensor, Tensor]:
        """The style code and the field of a point."""
        style, field = point.tensor_split([self._style], dim=1)
        return style, self._unit * field.unflatten(1, self._field)

    # --- keeping ----------------------------------------------------------------------------------------------------

    def pack(self, state: LatentState) -> dict[str, Tensor]:
        """The design."""
        return {"design": state.value}

    def unpack(self, tensors: Mapping[str, Tensor]) -> LatentState:
        """A design; raises ``ModelFileError`` unless there is one of this model's size."""
        design, width = tensors.get("design"), self._style + math.prod(self._field)
        if design is None or design.ndim != 2 or design.shape[1] != width:
            found = "none" if design is None else str(tuple(design.shape))
            message = f"a state of this model is a design (B, {width}), found {found}"
            raise ModelFileError(message, field="state", hint="invert the picture with this model")
        return _design(design)


def _design(value: Vectors, *, drawn: bool = False) -> LatentState:
    """A state of the family, to which no noise belongs."""
    return LatentState(value, value.new_zeros(len(value), 0), drawn=drawn)


class PictureEncoder:
    """A signal as the picture that shows it, map (B, 3, size, size) in [-1, 1]."""

    layouts: tuple[Layout, ...] = ("map",)

    def __init__(self, size: int) -> None:
        """``size`` counts pixels along each side."""
        self.size = size

    def width(self, layout: Layout) -> int:
        """One channel per color."""
        check_layout(layout, self.layouts)
        return 3

    def encode(self, signal: Signal, layout: Layout) -> Condition:
        """The picture."""
        check_layout(layout, self.layouts)
        picture = signal.preview(self.size)
        assert picture is not None, "exemplars are pictures"
        return Condition.full(layout, picture)


def _ports(table: Table) -> Mapping[str, Port]:
    """The ports that a planner sees."""
    pictures = {table.exemplar: 3} if table.exemplar else {}
    given: list[tuple[Layout, Mapping[str, int]]] = [("map", {**table.maps, **pictures}), ("vector", table.vectors)]
    return {
        name: Port(layout, width, frozenset({name}), mixable=False)
        for layout, widths in given
        for name, width in widths.items()
    }
