"""Choosing what a caption says of an avatar, before choosing how."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from misen.scene.attributes import BY_KEY
from misen.scene.language.caption import Mention
from misen.scene.language.lexicon import ANY, PARTS, Lexicon

Style = Literal["full", "partial", "free"]

_UNREMARKABLE = frozenset(
    [("glasses", "none"), ("hat", "none"), ("facial_hair", "none"), ("earrings", "none"), ("expression", "neutral"),
     ("material", "matte"), ("material", "glossy"), ("shirt_style", "crew"), ("age", "adult")]
)
"""Values that people seldom bother to say."""


@dataclass(frozen=True)
class Fact:
    """One part to speak of: its kind (``ANY`` to leave it unsaid) and its color (``ANY`` likewise)."""

    part: str
    kind: str
    color: str

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """What saying this claims: a part that is spoken of at all is claimed to be there."""
        kind_key, color_key = PARTS[self.part].kind, PARTS[self.part].color
        color = [Mention(str(color_key), self.color)] if self.color else []
        if kind_key is None:
            return tuple(color)
        return (*([Mention(kind_key, self.kind)] if self.kind else _presence(kind_key)), *color)


@dataclass(frozen=True)
class Content:
    """Everything one caption will say.

    Attributes:
        presentation: Value or ``ANY`` if unsaid.
        age: Value or ``ANY`` if unsaid.
        facts: Parts the avatar has.
        absent: Claims told by naming what is missing: "none" values and denied kinds.
        denied: Claims told by denying a state.
    """

    presentation: str
    age: str
    facts: list[Fact]
    absent: list[Mention]
    denied: list[Mention]


def _presence(key: str) -> list[Mention]:
    nothing = {"hair_style": "bald"}.get(key, "none")
    return [Mention(key, nothing, negated=True)] if nothing in BY_KEY[key].values else []


def choose_content(
    rng: Random, values: Mapping[str, str], visible: Container[str], style: Style, lexicon: Lexicon
) -> Content:
    """What to say: everything visible when ``style`` is "full", else a few remarkable things and some denials."""
    seen = {key: value for key, value in values.items() if key in visible}
    said = seen if style == "full" else _some(rng, seen)
    facts = [fact for part in PARTS if (fact := _fact(rng, part, said, seen, style)) is not None]
    if rng.random() < 0.2:
        facts = [half for fact in facts for half in _split(fact)]
    absent = [Mention(key, "none") for key, value in said.items() if value == "none"]
    denied: list[Mention] = []
    if style != "full" and rng.random() < 0.18:
        _deny(rng, seen, said, lexicon, absent, denied)
    return Content(said.get("presentation", ANY), said.get("age", ANY), facts, absent, denied)


def _some(rng: Random, seen: Mapping[str, str]) -> dict[str, str]:
    keys = [key for key, value in seen.items() if (key, value) not in _UNREMARKABLE or rng.random() < 0.3]
    rng.shuffle(keys)
    return {key: seen[key] for key in keys[: rng.randint(1, 7)]}


def _fact(rng: Random, part: str, said: Mapping[str, str], seen: Mapping[str, str], style: Style) -> Fact | None:
    kind_key, color_key = PARTS[part].kind, PARTS[part].color
    kind, color = said.get(kind_key or "", ANY), said.get(color_key or "", ANY)
    if kind == "none" or not (kind or color):
        return None
    if kind == "bald":
        return Fact(part, kind, ANY)
    if seen.get(kind_key or "") == "headband":  # a colored headband is not "a hat"
        kind = "headband"
    elif style != "full" and part in ("glasses", "facial hair", "hat") and kind != "sunglasses" and rng.random() < 0.2:
        kind = ANY
    return Fact(part, kind, color)


def _split(fact: Fact) -> tuple[Fact, ...]:
    """Kind and color of the hair as two facts ("a curly man with red hair"); other parts stay whole."""
    if fact.part != "hair" or not (fact.kind and fact.color):
        return (fact,)
    return Fact(fact.part, fact.kind, ANY), Fact(fact.part, ANY, fact.color)


def _deny(
    rng: Random, seen: Mapping[str, str], said: Mapping[str, str], lexicon: Lexicon, absent: list[Mention],
    denied: list[Mention],
) -> None:
    """Adds one true denial of something unsaid."""
    table, target = (lexicon.absences, absent) if rng.random() < 0.5 else (lexicon.denials, denied)
    keys = [key for key in table if key in seen and key not in said]
    if not keys:
        return
    key = rng.choice(keys)
    wrong = [value for value in table[key] if value not in (seen[key], "none")]
    if wrong:
        target.append(Mention(key, rng.choice(wrong), negated=True))
