"""The tables a language supplies to the caption grammar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Words = tuple[str, ...]
ByValue = Mapping[str, Words]


@dataclass(frozen=True)
class Part:
    """Something a caption talks about: what kind it is and what color, each an attribute key or ``None``."""

    kind: str | None
    color: str | None


PARTS: Mapping[str, Part] = {
    "skin": Part(None, "skin_tone"),
    "hair": Part("hair_style", "hair_color"),
    "eyes": Part(None, "eye_color"),
    "glasses": Part("glasses", None),
    "hat": Part("hat", "hat_color"),
    "facial hair": Part("facial_hair", None),
    "earrings": Part("earrings", None),
    "expression": Part("expression", None),
    "shirt": Part("shirt_style", "shirt_color"),
    "background": Part(None, "background"),
    "material": Part("material", None),
}

ANY = ""
"""The kind under which a part is spoken of without saying which kind ("a hat")."""


@dataclass(frozen=True)
class Lexicon:
    """One language. In every phrase ``{}`` is the slot of the word that qualifies it and ``@`` marks a determiner.

    Attributes:
        colors: Per color key and value, the words for it, as they stand in a slot.
        phrases: Per part and kind, noun phrases with a slot for the color; ``ANY`` where the kind is unsaid.
        premodifiers: Per key and value, words that stand before the subject.
        subjects: Per (presentation, age), each a value or ``ANY``, noun phrases with a slot for premodifiers.
        absences: Per key and value, nouns whose absence can be told. The value is the one claimed ("none") or denied.
        denials: Per key and value, phrases that deny a state.
        views: Per side, phrases that tell the side.
        verbs: Per part (and "absence", "denial", "view"), what links the subject to it in one sentence.
        finite: The same as the predicate of a sentence of its own.
        pronouns: Per presentation or ``ANY``, subjects of such a sentence.
        openings: What people write before the subject.
        fillers: Premodifiers that claim nothing.
        asides: Clauses that claim nothing, for the end of a sentence.
        names: Asides with a slot for an invented name, so that unknown words are learned to claim nothing.
        syllables: What such a name is made of.
        keywords: Tags that claim nothing.
        negative_tags: Formats of an absence as a tag.
        comma: Between clauses that need it; ``first_gap``: between subject and first clause; ``gaps``: what people
            put between clauses; ``listing``: between nouns; ``last``: before the last noun; ``last_absence``: before
            the last absent noun; ``stop``: between sentences; ``space``: between words.
        tag_separators: What people put between tags.
        endings: Final punctuation.
        determine: Resolves the ``@`` marks of a sentence.
        bare: Removes the ``@`` marks of a phrase.
    """

    colors: Mapping[str, ByValue]
    phrases: Mapping[str, ByValue]
    premodifiers: Mapping[str, ByValue]
    subjects: Mapping[tuple[str, str], Words]
    absences: Mapping[str, ByValue]
    denials: Mapping[str, ByValue]
    views: ByValue
    verbs: ByValue
    finite: ByValue
    pronouns: ByValue
    openings: Words
    fillers: Words
    asides: Words
    names: Words
    syllables: Words
    keywords: Words
    negative_tags: Words
    comma: str
    first_gap: str
    gaps: Words
    listing: str
    last: Words
    last_absence: Words
    stop: str
    space: str
    tag_separators: Words
    endings: Words
    determine: Callable[[str], str]
    bare: Callable[[str], str]
