"""The generators: tokens as the state, logits of what is undecided as the estimate."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level, Player, Sampler
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Masks
from misen.core.view import View
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.network import TokenNetwork
from misen.generators.autoregressive.players import MaskedPlayer, RasterPlayer
from misen.generators.autoregressive.prefix import Conditions
from misen.generators.autoregressive.raster import RasterNetwork
from misen.generators.autoregressive.samplers import Samplers
from misen.generators.autoregressive.schedule import USUAL, decided, left
from misen.generators.autoregressive.state import TokenState
from misen.generators.autoregressive.tokenizer import Tokenizer
from misen.generators.autoregressive.tokens import UNDECIDED, CellFlags, Grid, Scores, TokenMap, grid_of

Network = TypeVar("Network", bound=TokenNetwork)
CERTAIN = 1e4
"""The logit of a token that is given; so much above 0, that of all others, that nothing else is ever drawn."""


class TokenGenerator(ABC, Generic[Network]):
    """What both orders of deciding have in common.

    Args:
        network: tokens and conditions to logits.
        tokenizer: between tokens and pictures.
        card: what is known of the model.

    Attributes:
        kind: by which its folder is opened.
        ports: by name.
        size: height and width of the pictures it was trained on, in pixels.
        side_step: sides of other pictures are multiples of it.
    """

    kind: ClassVar[str]
    walks: ClassVar[tuple[str, ...]]
    """Names of the samplers that suit it."""

    def __init__(self, network: Network, tokenizer: Tokenizer, card: Mapping[str, Any] | None = None) -> None:
        self.network, self.tokenizer, self.card = network, tokenizer, dict(card or {})
        self.ports: Mapping[str, Port] = {settings.name: settings.port() for settings in network.table}
        self.size: int = network.settings.side * tokenizer.stride
        self.side_step: int = tokenizer.stride
        self._grid: Grid = (network.settings.side, network.settings.side)
        self._given: tuple[TokenMap, CellFlags] | None = None

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the network can be rebuilt."""
        ports = {port.name: {"layout": port.layout, "width": port.width} for port in self.network.table}
        return {"network": asdict(self.network.settings), "ports": ports}

    @property
    def samplers(self) -> Mapping[str, Callable[[int], Sampler]]:
        """From a number of steps to a sampler, by a name and options such as ``raster:top_k=100``."""
        rows, columns = self._grid
        return Samplers(self.walks, rows * columns, self.tokenizer.codes)

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> TokenState:
        """Nothing decided but what is given."""
        tokens = torch.full((batch, *self._grid), UNDECIDED, device=rng.device)
        free = self._free(tokens)
        if self._given is not None:
            tokens = torch.where(free, tokens, self._given[0])
        return TokenState(tokens, free)

    def predict(self, state: TokenState, level: Level, conditions: Conditions) -> Estimate:
        """The logits under conditions."""
        return self.predict_jointly(state, level, [conditions])[0]

    def predict_jointly(self, state: TokenState, level: Level, asked: Sequence[Conditions]) -> Sequence[Estimate]:
        """The logits under several sets of conditions, in one pass."""
        view = self._viewer(state, level)
        return [Estimate(point, view) for point in self._scores(state, asked).chunk(len(asked))]

    def finish(self, state: TokenState) -> Images:
        """The picture of tokens; where they are undecided, of the mean code."""
        return self.tokenizer.show(self.tokenizer.look_up(state.tokens)).clamp(-1, 1)

    @abstractmethod
    def _scores(self, state: TokenState, asked: Sequence[Conditions]) -> Scores:
        """Logits under each set of conditions, one set after another."""

    def _viewer(self, state: TokenState, level: Level) -> Callable[[Tensor], View]:
        """Shows the codes that logits make most probable, and those that are decided, which no logit changes."""

        def view(point: Float[Tensor, "batch codes _rows _columns"]) -> View:
            decided, foreseen = self.tokenizer.look_up(state.tokens), self.tokenizer.expected(point)
            image = self.tokenizer.show(torch.where(state.undecided[:, None], foreseen, decided))
            return View(image + (image.clamp(-1, 1) - image).detach(), level=level.progress)

        return view

    # --- starting from a picture -------------------------------------------------------------------------------------

    def encode(self, image: Images) -> Scores:
        """The logits (B, K, h, w) of the tokens of pictures (B, 3, H, W) in [-1, 1]."""
        return self.tokenizer.certain(self.tokenizer.read(image), CERTAIN)

    def restart(self, point: Scores, level: Level | None, rng: Streams) -> TokenState:
        """The tokens of a point, of which as many are open again as a walk has left at ``level``."""
        tokens = point.argmax(1)
        free = self._free(tokens)
        if level is None:
            return TokenState(tokens, free)
        return TokenState(tokens.masked_fill(free & self._opened(free, level, rng), UNDECIDED), free)

    def known(self, mask: Masks) -> Float[Tensor, "batch 1 rows columns"]:
        """(B, 1, h, w): a cell is free if any of its pixels is to be repainted."""
        return (functional.max_pool2d(mask, self.tokenizer.stride) > 0).to(mask.dtype)

    def around(self, image: Images, mask: Masks) -> TokenGenerator[Network]:
        """The same generator, beginning with the tokens of pictures where the mask leaves them."""
        other = copy.copy(self)
        other._given = self.tokenizer.read(image), self.known(mask)[:, 0] > 0
        return other

    @abstractmethod
    def _opened(self, free: CellFlags, level: Level, rng: Streams) -> CellFlags:
        """Which cells are undecided at a level of a walk that decides the free ones."""

    def _free(self, tokens: TokenMap) -> CellFlags:
        """Cells that are not given."""
        every = torch.ones_like(tokens, dtype=torch.bool)
        return every if self._given is None else every & self._given[1]

    # --- other sizes, and keeping ------------------------------------------------------------------------------------

    def sized(self, height: int, width: int) -> TokenGenerator[Network]:
        """A copy that makes pictures of that size; raises ``InputError`` where cells do not come out even."""
        other = copy.copy(self)
        other._grid = self.tokenizer.grid(height, width)
        return other

    def pack(self, state: TokenState) -> dict[str, Tensor]:
        """The tokens."""
        return {"tokens": state.tokens}

    def unpack(self, tensors: Mapping[str, Tensor]) -> TokenState:
        """A state; raises ``ModelFileError`` unless there are tokens of this model, for pictures of its size."""
        tokens, last, hint = tensors.get("tokens"), self.tokenizer.codes - 1, "invert the picture with this model"
        if tokens is None or tokens.shape[1:] != self._grid or tokens.is_floating_point():
            rows, columns = self._grid
            found = "none" if tokens is None else f"{tuple(tokens.shape)} of {tokens.dtype}"
            message = f"a state of this model has whole tokens (B, {rows}, {columns}), found {found}"
            raise ModelFileError(message, field="state", hint=hint)
        least, most = (int(extreme) for extreme in tokens.aminmax())
        if not UNDECIDED <= least <= most <= last:
            message = f"tokens must be from 0 to {last}, or {UNDECIDED}, found {least} to {most}"
            raise ModelFileError(message, field="state", hint=hint)
        return TokenState(tokens.long(), torch.ones_like(tokens, dtype=torch.bool))

    @abstractmethod
    def players(self) -> Iterator[Player]:
        """Who learns."""


class RasterGenerator(TokenGenerator[RasterNetwork]):
    """Decides one token after another; its point is the logits of the next one, in one cell that stands for it.

    Attributes:
        opaque: why no energy can steer it.
    """

    kind = "raster"
    walks = ("raster",)
    opaque = "decides one token after another, so there is no picture for an energy to look at before the end"

    def players(self) -> Iterator[Player]:
        """One: the network."""
        yield RasterPlayer(self.network)

    def _scores(self, state: TokenState, asked: Sequence[Conditions]) -> Scores:
        contents = state.tokens.flatten(1)[:, : state.next]
        return state.memory.scores(self.network, asked, contents, grid_of(state.tokens))[:, :, None, None]

    def _opened(self, free: CellFlags, level: Level, rng: Streams) -> CellFlags:
        """The last ones, row by row."""
        number = free.flatten(1).any(0).cumsum(0)
        return (number > decided(level.progress, int(number[-1]))).view_as(free[0]).expand_as(free)


class MaskedGenerator(TokenGenerator[MaskedNetwork]):
    """Tells all undecided tokens at once; its point is the logits of every cell, 0 where a token is decided."""

    kind = "masked"
    walks = ("masked", "raster")

    def players(self) -> Iterator[Player]:
        """One: the network."""
        yield MaskedPlayer(self.network)

    def _scores(self, state: TokenState, asked: Sequence[Conditions]) -> Scores:
        scores: Tensor = self.network(state.tokens, asked)
        return scores * state.undecided.repeat(len(asked), 1, 1)[:, None]

    def _opened(self, free: CellFlags, level: Level, rng: Streams) -> CellFlags:
        """As many as the usual schedule leaves, anywhere."""
        count = left(USUAL, level.progress, free.sum((1, 2)))
        chances = rng.uniform(*free.shape[1:]).masked_fill(~free, 2)
        rank = chances.flatten(1).argsort(1).argsort(1).view_as(free)
        return rank < count[:, None, None]
