"""What typed words claim about a head, heard with the world's own vocabulary: the caption grammar read backwards.

Every phrase of the lexicons is looked for. Absences are believed first among phrases of one length, longer phrases
before shorter ones, and no letter is heard twice: "no glasses" is not also "glasses", nor is a "top hat" any hat. Words
that no phrase of the world contains claim nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from misen.scene.language.caption import Mention
from misen.scene.language.facts import Fact
from misen.scene.language.grammar import LEXICONS
from misen.scene.language.lexicon import ANY, PARTS, Lexicon

DENYING = {
    "en": r"(?:no|not|without|nor|\w+n't)\s+(?:(?:have|having|wear|wearing|any|an?)\s+)*",
    "zh": "(?:没有|没戴|不戴|没留|无)",
}
"""What stands before a noun whose absence is told."""
JOINING = {"en": r"(?:,|\s+or|\s+and|\s+nor)\s+(?:(?:any|an?)\s+)?", "zh": "(?:、|和|或|也没有)"}
"""What stands between two such nouns."""
EDGE = {"en": (r"(?<![\w-])", r"(?![\w-])"), "zh": ("", "")}
"""Where words begin and end."""


@dataclass(frozen=True)
class Phrase:
    """A pattern whose groups are what is heard of it, and what saying it claims."""

    pattern: re.Pattern[str]
    claims: tuple[Mention, ...]


@dataclass(frozen=True)
class Heard:
    """A phrase found in a prompt: where its letters are, and what it claims."""

    places: tuple[tuple[int, int], ...]
    claims: tuple[Mention, ...]

    @property
    def length(self) -> int:
        """Letters."""
        return sum(end - start for start, end in self.places)

    def meets(self, other: Heard) -> bool:
        """Whether a letter belongs to both."""
        return any(a < d and c < b for a, b in self.places for c, d in other.places)


def hear(prompt: str) -> tuple[Mention, ...]:
    """The claims of a prompt in English or Chinese, in the order of its words; "a cap" says that it is a hat, once."""
    kept: list[Heard] = []
    for heard in sorted(_found(prompt.lower()), key=lambda heard: -heard.length):
        if not any(heard.meets(other) for other in kept):
            kept.append(heard)
    claims = dict.fromkeys(claim for heard in sorted(kept, key=_place) for claim in heard.claims)
    named = {claim.key for claim in claims if not claim.negated}
    return tuple(claim for claim in claims if not claim.negated or claim.key not in named)


def _place(heard: Heard) -> tuple[tuple[int, int], ...]:
    return heard.places


def _found(prompt: str) -> Iterator[Heard]:
    for phrase in _phrases():
        for match in phrase.pattern.finditer(prompt):
            places = (match.span(group) for group in range(1, match.re.groups + 1))
            yield Heard(tuple(place for place in places if place[0] < place[1]), phrase.claims)


@cache
def _phrases() -> tuple[Phrase, ...]:
    """Everything that can be heard."""
    return tuple(phrase for language, lexicon in LEXICONS.items() for phrase in _of_language(language, lexicon))


def _of_language(language: str, lexicon: Lexicon) -> Iterator[Phrase]:
    before, after = EDGE[language]
    for pattern, claims in (*_absences(language, lexicon), *_facts(lexicon), *_subjects(lexicon), *_states(lexicon)):
        yield Phrase(re.compile(f"{before}{pattern}{after}"), claims)


def _facts(lexicon: Lexicon) -> Iterator[tuple[str, tuple[Mention, ...]]]:
    """Parts with their kinds and colors: "a red beanie"."""
    for part, kinds in lexicon.phrases.items():
        colors = lexicon.colors.get(PARTS[part].color or "", {})
        for kind, phrases in kinds.items():
            for phrase in set(phrases):
                for color, words in {ANY: ("",), **colors}.items():
                    if pattern := _filled(lexicon.bare(phrase).lower(), words, lexicon.space):
                        yield pattern, Fact(part, kind, color).mentions


def _filled(phrase: str, words: Iterable[str], space: str) -> str:
    """A phrase with one of some words in its slot, as one group; "" if it has no slot for them, or nothing else."""
    listed = sorted({word.lower() for word in words}, key=len, reverse=True)
    if listed == [""]:
        bare = phrase.replace("{}" + space, "").replace(space + "{}", "").replace("{}", "")
        return f"({re.escape(bare)})" if bare and not phrase.endswith("{}") else ""
    slot = "|".join(map(re.escape, listed))
    return "({})".format(re.escape(phrase).replace(r"\{\}", f"(?:{slot})")) if "{}" in phrase else ""


def _subjects(lexicon: Lexicon) -> Iterator[tuple[str, tuple[Mention, ...]]]:
    """Who it is, with anything short in the slot: "a young red-haired woman"."""
    for (presentation, age), phrases in lexicon.subjects.items():
        told = (("presentation", presentation), ("age", age))
        claims = tuple(Mention(key, value) for key, value in told if value)
        for phrase in set(phrases) if claims else ():
            left, right = (re.escape(half.strip()) for half in lexicon.bare(phrase).split("{}"))
            gap = rf"{lexicon.space}(?:[^,.;，。；]{{0,40}}?{lexicon.space})?"
            yield f"({left}){gap}({right})" if left else f"({right})", claims


def _states(lexicon: Lexicon) -> Iterator[tuple[str, tuple[Mention, ...]]]:
    """Words before the subject, and denied states: "smiling", "not bald"."""
    for key, value, words in _rows(lexicon.premodifiers):
        for form in {form for word in words for form in (word.lower(), word.removesuffix("的"))}:
            yield f"({re.escape(form)})", _state(key, value)
    for key, value, words in _rows(lexicon.denials):
        for word in words:
            yield f"({re.escape(word)})", (Mention(key, value, negated=True),)


def _state(key: str, value: str) -> tuple[Mention, ...]:
    """What a word before the subject claims: the fact it stands for."""
    part = next(name for name, part in PARTS.items() if key in (part.kind, part.color))
    return (Fact(part, value, ANY) if key == PARTS[part].kind else Fact(part, ANY, value)).mentions


def _absences(language: str, lexicon: Lexicon) -> Iterator[tuple[str, tuple[Mention, ...]]]:
    """What is missing, alone or in a list: "without glasses or a hat"."""
    nouns = {lexicon.bare(noun) for _, _, words in _rows(lexicon.absences) for noun in words}
    any_noun = "|".join(map(re.escape, sorted(nouns, key=len, reverse=True)))
    listed = rf"{DENYING[language]}(?:(?:{any_noun}){JOINING[language]})*"
    for key, value, words in _rows(lexicon.absences):
        claim = Mention(key, value, negated=value != "none")
        for noun in {lexicon.bare(noun) for noun in words}:
            yield f"{listed}({re.escape(noun)})", (claim,)


def _rows(table: Mapping[str, Mapping[str, tuple[str, ...]]]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    return ((key, value, words) for key, values in table.items() for value, words in values.items())
