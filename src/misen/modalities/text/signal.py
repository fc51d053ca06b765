"""Prompts, and what they are known to claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from misen.core.errors import FormatError, InputError, LimitError
from misen.core.signal import Batched
from misen.scene.attributes import BY_KEY, KEYS
from misen.scene.language.caption import Caption, Mention, false_for
from misen.scene.language.facts import Style
from misen.scene.language.grammar import describe
from misen.scene.truth import Truth

BYTE_LIMIT = 100_000
"""Longest prompt in UTF-8 bytes."""

Claims = tuple[Mention, ...] | None
"""What a prompt says about attributes; None when nobody knows, as of words a person typed."""


@dataclass(frozen=True, eq=False, init=False)
class Text(Batched):
    """What the picture shows, in words.

    Attributes:
        prompts: B prompts of at most ``BYTE_LIMIT`` bytes; an empty one asks for nothing.
        claims: what each prompt says about attributes, for grading.
    """

    modality: ClassVar[str] = "text"
    prompts: tuple[str, ...]
    claims: tuple[Claims, ...]

    def __init__(self, prompts: str | Sequence[str], claims: Sequence[Claims] | None = None) -> None:
        """Wrap one prompt or several; raises ``InputError`` for what is no text, ``LimitError`` for too much of it."""
        listed = list(prompts) if isinstance(prompts, list | tuple) else [prompts]
        self._keep(
            prompts=tuple(_checked(prompt) for prompt in listed),
            claims=tuple(claims) if claims is not None else (None,) * len(listed),
        )

    @classmethod
    def observe(cls, truth: Truth, seeds: Tensor) -> Self:
        """A caption of each avatar, in English or Chinese, long or short, chosen by its seed."""
        return cls._told(truth, seeds, {"full": 2, "partial": 1, "free": 1})

    @classmethod
    def observe_fully(cls, truth: Truth, seeds: Tensor) -> Self:
        """A caption of each avatar that tells everything visible."""
        return cls._told(truth, seeds, {"full": 1})

    @classmethod
    def _told(cls, truth: Truth, seeds: Tensor, styles: Mapping[Style, int]) -> Self:
        captions = [_caption(truth, item, int(seed), styles) for item, seed in enumerate(seeds.tolist())]
        return cls([caption.text for caption in captions], [caption.mentions for caption in captions])

    @classmethod
    def parse(cls, argument: str) -> Self:
        """The argument is the prompt."""
        return cls(argument)

    def to_json(self) -> list[dict[str, Any]]:
        """``{"text": ...}``, with ``"claims": [[key, value, negated], ...]`` where they are known."""
        return [
            {"text": prompt} | ({} if claims is None else {"claims": [list(claim) for claim in claims]})
            for prompt, claims in zip(self.prompts, self.claims, strict=True)
        ]

    @classmethod
    def from_json(cls, items: list[dict[str, Any]]) -> Self:
        """Inverse of ``to_json``; raises ``FormatError`` or ``InputError``."""
        return cls([_prompt(item) for item in items], [_claims(item.get("claims")) for item in items])

    def describe(self) -> list[str]:
        """The prompts, shortened."""
        return [prompt if len(prompt) <= 80 else prompt[:79] + "…" for prompt in self.prompts]

    def preview(self, size: int) -> Tensor | None:
        """None: words say it better."""
        return None

    def false_of(self, attributes: Tensor, visible: Tensor) -> Tensor:
        """(B, N) bool: which prompts claim something false of N avatars, given as (N, 16) indices and (N, 16) bool."""
        return torch.stack([false_for(claims or (), attributes, visible) for claims in self.claims])

    def groups(self) -> dict[str, Tensor]:
        """(B,) bool by kind of prompt: with and without a negation, and in Chinese."""
        negated = torch.tensor([any(map(_denies, claims or ())) for claims in self.claims])
        chinese = torch.tensor([any("一" <= letter <= "鿿" for letter in prompt) for prompt in self.prompts])
        return {"negation": negated, "no negation": ~negated, "chinese": chinese, "english": ~chinese}


def _checked(prompt: object) -> str:
    if not isinstance(prompt, str):
        raise InputError(f"prompt must be str, got {type(prompt).__name__}", field="text")
    try:
        size = len(prompt.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise InputError(
            f"prompt holds half a character (surrogate U+{ord(prompt[error.start]):04X}) at position {error.start}",
            field="text", hint="remove it or type the whole character again",
        ) from None  # fmt: skip
    if size > BYTE_LIMIT:
        raise LimitError(f"prompt has {size:,} bytes; the limit is {BYTE_LIMIT:,}", field="text", hint="shorten it")
    return prompt


def _caption(truth: Truth, item: int, seed: int, styles: Mapping[Style, int]) -> Caption:
    rng = Random(seed)
    visible = truth.observation.attributes_visible[item].tolist()
    return describe(
        {key: truth.record.value(key, item) for key in KEYS},
        {key for key, seen in zip(KEYS, visible, strict=True) if seen},
        float(truth.record.camera[item, 0]),
        rng.getrandbits(62),
        language=rng.choices(("en", "zh"), (3, 1))[0],
        style=rng.choices(list(styles), list(styles.values()))[0],
    )


def _denies(claim: Mention) -> bool:
    """Whether saying so takes a negation: "no hat" and "not smiling" do; "a hat", "hair" and "bald" do not."""
    return claim.value != "bald" and claim.negated != (claim.value == "none")


def _prompt(item: Any) -> str:
    if not isinstance(item, Mapping) or "text" not in item:
        raise FormatError('each item must be {"text": ...}', field="text")
    return item["text"]  # type: ignore[no-any-return]  # checked with every other prompt


def _claims(listed: Any) -> Claims:
    if listed is None:
        return None
    try:
        claims = tuple(Mention(str(key), str(value), bool(negated)) for key, value, negated in listed)
    except (TypeError, ValueError):
        raise FormatError("claims must be a list of [key, value, negated]", field="claims") from None
    for claim in claims:
        if claim.key not in BY_KEY or claim.value not in BY_KEY[claim.key].values:
            raise InputError(f"no attribute {claim.key!r} has a value {claim.value!r}", field="claims")
    return claims
