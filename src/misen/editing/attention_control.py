"""Attention control: where the network looks for a new picture is taken over from another picture, word by word.

Source: Hertz et al. 2022 (arXiv:2208.01626), sections 3.2 and 4, "prompt-to-prompt"; deviations: the other picture's
states are known beforehand, so an inverted one needs no extrapolation (Ju et al. 2023, arXiv:2310.01506); weights act
in the whole walk; a local blend replaces what is foreseen, not the noisy state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Level, State
from misen.core.shapes import Maps, Points
from misen.editing.words import Alignment
from misen.nn.fusion.attention_maps import edited
from misen.nn.fusion.cross_attention import AttentionMaps

LARGEST = 32 * 32
"""Most places of a layer whose look at itself is taken over; more are costly, and say little about the layout."""
UNTRUSTED = 0.2
"""Share of the walk in which the maps do not yet tell where a word belongs."""
THRESHOLD = 0.3
"""Of a blend: how much a place must look at a changed word, relative to the place that does so most."""


@runtime_checkable
class Networked(Protocol):
    """Capability: the network that predicts can be reached."""

    @property
    def network(self) -> nn.Module:
        """What predicts."""
        ...


@dataclass(frozen=True)
class Sharing:
    """What is taken over.

    Attributes:
        words: how the tokens of the two prompts correspond.
        factors: (L,) what the maps of each target token are multiplied with.
        cross: the first share of the walk, in [0, 1], in which places look at words as they did in the source.
        itself: the same for how places look at one another.
        blend: whether places that look at no changed word stay as they are.
    """

    words: Alignment
    factors: Float[Tensor, " tokens"]
    cross: float
    itself: float
    blend: bool

    def concerns(self, level: Level, *, crossing: bool, places: int = 0) -> bool:
        """Whether layers of a kind and size are of interest at ``level``."""
        if crossing:
            return self.blend or self.weighted or level.progress < self.cross
        return places <= LARGEST and level.progress < self.itself

    @property
    def weighted(self) -> bool:
        """Whether any word weighs more or less than usual."""
        return bool((self.factors != 1).any())

    def apply(self, source: AttentionMaps, target: AttentionMaps, level: Level) -> AttentionMaps:
        """The maps of the words to go on with, (B, heads, N, K), from those of one source and of B targets."""
        taken = self.translate(source, target) if level.progress < self.cross else target
        beyond = target.shape[-1] - len(self.factors)
        return taken * functional.pad(self.factors.to(target), (0, beyond), value=1.0)

    def translate(self, source: AttentionMaps, target: AttentionMaps) -> AttentionMaps:
        """The source's maps in the words of the target; added words keep their own.

        Keys after the words, whatever they are, are taken over as they stand.
        """
        length = len(self.factors)
        told = source[..., :length] @ self.words.shares.to(source)
        own = functional.pad(self.words.added.to(source.device), (0, source.shape[-1] - length))
        return torch.where(own, target, torch.cat([told, source[..., length:]], dim=-1))

    def heat(self, source: AttentionMaps, target: AttentionMaps) -> Float[Tensor, "batch 2 places"]:
        """How much places look at the source's changed words, and at the target's."""
        changed = (self.words.lost, self.words.new | (self.factors != 1))
        pairs = zip((source.expand_as(target), target), changed, strict=True)
        return torch.stack([maps[..., : len(words)] @ words.to(maps) for maps, words in pairs], 1).mean(2)


@dataclass(frozen=True)
class Past:
    """A picture's way.

    Attributes:
        words: (1, L, D) what it was made of.
        states: one item each, by the level at which they were.
        point: (1, ...) where the way led.
    """

    words: Condition
    states: Mapping[Level, State]
    point: Points


class AttentionControl:
    """What a generator answers, but for the words of a target, whose maps are mixed with those of a source.

    Args:
        generator: who answers; its network is left as it is after each answer.
        port: where the words enter.
        words: (1, L, D) the target's; other answers, that of no words first of all, are nobody's business.
        past: the source.
        sharing: what is taken over.
    """

    def __init__(self, generator: Generator, port: str, words: Condition, past: Past, sharing: Sharing) -> None:
        self.generator, self.port, self.words, self.past, self.sharing = generator, port, words, past, sharing
        self._heat: dict[Level, Maps] = {}

    def predict(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The generator's estimate, under control where the target's words are among ``conditions``."""
        kinds = (self.sharing.concerns(level, crossing=crossing) for crossing in (True, False))
        told = self.port in conditions and self._says_it(conditions[self.port])
        answer = self._controlled if told and any(kinds) else self.generator.predict
        return self._blended(answer(state, level, conditions), level)

    def _network(self) -> nn.Module:
        assert isinstance(self.generator, Networked), "the method refuses other generators"
        return self.generator.network

    def _says_it(self, given: Condition) -> bool:
        return given.value.shape[1:] == self.words.value.shape[1:] and bool((given.value == self.words.value).all())

    def _controlled(self, state: State, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The source is asked first, and leaves its maps for the target."""
        network, reading = self._network(), _Reading(self.sharing, level)
        source = {name: given[:1] for name, given in conditions.items()} | {self.port: self.past.words}
        with edited(network, reading):
            self.generator.predict(self.past.states[level], level, source)
        writing = _Writing(self.sharing, level, reading.maps)
        with edited(network, writing):
            estimate: Estimate = self.generator.predict(state, level, conditions)
        if writing.heat:
            self._heat[level] = _spread(writing.heat, estimate.point)
        return estimate

    def _blended(self, estimate: Estimate, level: Level) -> Estimate:
        """The source wherever no earlier level of the walk looked at a changed word."""
        heat = [heat for seen, heat in self._heat.items() if seen.progress < level.progress]
        if not heat or level.progress < UNTRUSTED:
            return estimate
        return estimate.at(torch.where(hot(torch.stack(heat).mean(0)), estimate.point, self.past.point))


class _Reading:
    """Keeps the maps of a source, in the order of the layers."""

    def __init__(self, sharing: Sharing, level: Level) -> None:
        self.sharing, self.level = sharing, level
        self.maps: list[AttentionMaps] = []

    def concerns(self, *, crossing: bool, places: int) -> bool:
        return self.sharing.concerns(self.level, crossing=crossing, places=places)

    def __call__(self, maps: AttentionMaps, *, crossing: bool) -> AttentionMaps:
        self.maps.append(maps)
        return maps


class _Writing:
    """Mixes the maps of a source into those of targets, and notes where the changed words are."""

    def __init__(self, sharing: Sharing, level: Level, source: list[AttentionMaps]) -> None:
        self.sharing, self.level = sharing, level
        self.source: Iterator[AttentionMaps] = iter(source)
        self.heat: list[Float[Tensor, "batch 2 places"]] = []

    def concerns(self, *, crossing: bool, places: int) -> bool:
        return self.sharing.concerns(self.level, crossing=crossing, places=places)

    def __call__(self, maps: AttentionMaps, *, crossing: bool) -> AttentionMaps:
        source = next(self.source)
        if not crossing:
            return source.expand_as(maps)
        shared = self.sharing.apply(source, maps, self.level)
        if self.sharing.blend:
            self.heat.append(self.sharing.heat(source, shared))
        return shared


def hot(heat: Float[Tensor, "batch 2 rows columns"]) -> Bool[Tensor, "batch 1 rows columns"]:
    """Where either prompt's changed words are looked at, or next to such a place."""
    near = functional.max_pool2d(heat, 3, stride=1, padding=1)
    return (near > THRESHOLD * near.amax((2, 3), keepdim=True)).any(1, keepdim=True)


def _spread(heat: list[Float[Tensor, "batch 2 _"]], point: Maps) -> Float[Tensor, "batch 2 rows columns"]:
    """The mean of what layers of several sizes saw, on the grid of ``point``."""
    grids = [one.unflatten(2, _grid(one.shape[2], *point.shape[-2:])) for one in heat]
    return torch.stack([functional.interpolate(grid, point.shape[-2:], mode="bilinear") for grid in grids]).mean(0)


def _grid(places: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of ``height`` x ``width`` cells halved so often that ``places`` are left."""
    while height * width > places:
        height, width = -(-height // 2), -(-width // 2)
    return height, width
