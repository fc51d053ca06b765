"""Named traits, each a value, or values weighted like sliders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.errors import FormatError, InputError, closest
from misen.core.signal import Batched, key_values
from misen.scene.attributes import ATTRIBUTES, BY_KEY, COLUMN, KEYS, OFFSETS, ONE_HOT_WIDTH
from misen.scene.partial import tell
from misen.scene.truth import Truth

Value = str | Mapping[str, float]
"""A value, or weights in [0, 1] of values of one attribute that add up to at most 1."""


@dataclass(frozen=True, eq=False, init=False)
class Attributes(Batched):
    """Traits by name; what is not named is left open.

    Attributes:
        weights: (B, ONE_HOT_WIDTH) float32 in [0, 1], blocks in table order; a block of zeros leaves a trait open.
    """

    modality: ClassVar[str] = "attributes"
    weights: Tensor

    def __init__(self, weights: Tensor | None = None, /, **values: Value) -> None:
        """Either weights or, for one avatar, traits by name: ``Attributes(hair_color="red", glasses="round")``.

        Raises:
            InputError: an unknown trait or value, or weights that are not weights.
        """
        self._keep(weights=_pack(values)[None] if weights is None else _checked(weights))

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """All visible traits of each avatar or, half of the time, some of them."""
        told = tell(truth.observation.attributes_visible, seeds, cls.modality)
        columns = [
            functional.one_hot(truth.record.attributes[:, column], len(attribute)) * told[:, column, None]
            for column, attribute in enumerate(ATTRIBUTES)
        ]
        return cls.of(weights=torch.cat(columns, dim=1).float())

    @classmethod
    def parse(cls, argument: str) -> Self:
        """``hair_color=red,glasses=round``; ``hair_color=red*0.5+blond*0.5`` mixes."""
        return cls(**{key: _slider(key, value) for key, value in key_values(argument).items()})

    def to_json(self) -> list[dict[str, Any]]:
        """``{"hair_color": "red"}``, or ``{"hair_color": {"red": 0.5, "blond": 0.5}}`` for mixtures."""
        return [_unpack(weights) for weights in self.weights.cpu()]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError`` or ``InputError``."""
        if not all(isinstance(item, Mapping) for item in items):
            raise FormatError('each item must be an object such as {"glasses": "round"}', field=cls.modality)
        return cls.of(weights=torch.stack([_pack(item) for item in items]))

    def describe(self) -> list[str]:
        """Like ``hair_color=red, glasses=round``."""
        return [", ".join(f"{key}={_words(value)}" for key, value in item.items()) for item in self.to_json()]

    def preview(self, size: int) -> Tensor | None:
        """None: words say it better."""
        return None


def named(weights: Tensor) -> Tensor:
    """(B, 16) bool: which traits are asked for, of (B, ONE_HOT_WIDTH) weights."""
    return torch.stack([block.sum(1) > 0 for block in weights.split([len(a) for a in ATTRIBUTES], dim=1)], dim=1)


def _checked(weights: Tensor) -> Tensor:
    if weights.ndim != 2 or weights.shape[1] != ONE_HOT_WIDTH:
        shape = tuple(weights.shape)
        raise InputError(f"weights must have shape (B, {ONE_HOT_WIDTH}), got {shape}", field="attributes")
    totals = torch.stack([block.sum(1) for block in weights.split([len(a) for a in ATTRIBUTES], dim=1)], dim=1)
    if not (weights.isfinite().all() and weights.min() >= 0 and totals.max() <= 1 + 1e-5):
        raise InputError("weights must be 0 or more and add up to at most 1 per attribute", field="attributes")
    return weights.float()


def _pack(values: Mapping[str, Value]) -> Tensor:
    weights = torch.zeros(ONE_HOT_WIDTH)
    for key, value in values.items():
        if key not in BY_KEY:
            raise InputError(f"there is no attribute {key!r}", field=key, hint=closest(key, KEYS))
        for word, weight in _mixture(key, value).items():
            weights[OFFSETS[COLUMN[key]] + BY_KEY[key].index(word)] = weight
    return weights


def _mixture(key: str, value: Value) -> Mapping[str, float]:
    """The weights meant by a value, checked."""
    mixture = {value: 1.0} if isinstance(value, str) else value
    if not isinstance(mixture, Mapping) or not mixture:
        raise InputError(f"{key} must be a value or weights of values, got {value!r}", field=key)
    for word, weight in mixture.items():
        if word not in BY_KEY[key].values:
            raise InputError(f"{key} cannot be {word!r}", field=key, hint=closest(str(word), BY_KEY[key].values))
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
            raise InputError(f"{key}: the weight of {word!r} must be from 0 to 1, got {weight!r}", field=key)
    if (total := sum(mixture.values())) > 1 + 1e-5:
        raise InputError(f"{key}: weights must add up to at most 1, got {total:g}", field=key, hint="lower one of them")
    return mixture


def _slider(key: str, value: str) -> Value:
    """The mixture in ``red*0.5+blond*0.5``; a plain word is itself."""
    if "*" not in value:
        return value
    mixture: dict[str, float] = {}
    for term in value.split("+"):
        word, _, weight = (part.strip() for part in term.partition("*"))
        try:
            mixture[word] = float(weight)
        except ValueError:
            hint = "as in red*0.5+blond*0.5"
            raise InputError(f"{key}: {term!r} is not value*weight", field=key, hint=hint) from None
    return mixture


def _unpack(weights: Tensor) -> dict[str, Any]:
    blocks = zip(ATTRIBUTES, weights.split([len(a) for a in ATTRIBUTES]), strict=True)
    mixtures = {a.key: {v: w for v, w in zip(a.values, block.tolist(), strict=True) if w} for a, block in blocks}
    return {key: next(iter(m)) if list(m.values()) == [1.0] else m for key, m in mixtures.items() if m}


def _words(value: Value) -> str:
    return value if isinstance(value, str) else "+".join(f"{word}*{weight:g}" for word, weight in value.items())
