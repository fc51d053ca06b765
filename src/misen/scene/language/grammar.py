"""The caption grammar: what is true of an avatar, said the way people type it, in English or Chinese."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from random import Random
from types import MappingProxyType
from typing import Literal

from misen.scene.language.caption import Caption, Mention
from misen.scene.language.chinese import CHINESE
from misen.scene.language.english import ENGLISH
from misen.scene.language.facts import Content, Fact, Style, choose_content
from misen.scene.language.lexicon import PARTS, Lexicon, Words
from misen.scene.language.noise import TYPO_RATE, misspell, restyle

Language = Literal["en", "zh"]
LEXICONS: Mapping[str, Lexicon] = MappingProxyType({"en": ENGLISH, "zh": CHINESE})

Clause = tuple[str, str]
"""What a phrase is about (a key of ``Lexicon.verbs``), and the phrase."""


def describe(
    values: Mapping[str, str],
    visible: Container[str],
    camera_yaw: float,
    seed: int,
    *,
    language: Language = "en",
    style: Style = "full",
) -> Caption:
    """One caption of an avatar, the same for the same arguments.

    Args:
        values: Value of every attribute key.
        visible: The keys that can be seen; nothing else is spoken of.
        camera_yaw: Radians; positive turns the face to the right of the picture.
        seed: Chooses the content and the wording.
        language: ``"en"`` or ``"zh"``.
        style: ``"full"`` says everything visible, ``"partial"`` some of it, ``"free"`` some of it as typed into the
            prompt box of an image generator (tags, filler, quality keywords).
    """
    rng = Random(seed)
    lexicon = LEXICONS[language]
    content = choose_content(rng, values, visible, style, lexicon)
    view = _choose_view(rng, camera_yaw, style)
    text = lexicon.determine(_Wording(rng, lexicon, style).say(content, view))
    if rng.random() < TYPO_RATE:
        text = misspell(rng, text)
    return Caption(restyle(rng, text), _mentions(content, visible), view)


def view_side(camera_yaw: float) -> str | None:
    """The side an avatar is seen from, ``None`` for the usual half-turned portrait between front and side."""
    degrees = math.degrees(math.remainder(camera_yaw, 2 * math.pi))
    if abs(degrees) > 130:
        return "behind"
    if abs(degrees) > 40:
        return "left" if degrees > 0 else "right"
    return "front" if abs(degrees) < 10 else None


def _choose_view(rng: Random, camera_yaw: float, style: Style) -> str | None:
    side = view_side(camera_yaw)
    chance = 0.1 if side == "front" else 1.0 if abs(camera_yaw) > math.radians(50) and style == "full" else 0.75
    return side if rng.random() < chance else None


def _mentions(content: Content, visible: Container[str]) -> tuple[Mention, ...]:
    """What is claimed; "blond hair" under a beanie claims no hair style, not even that it is other than bald."""
    subject = [Mention(key, value) for key in ("presentation", "age") if (value := getattr(content, key))]
    facts = [mention for fact in content.facts for mention in fact.mentions]
    claims = dict.fromkeys([*subject, *facts, *content.absent, *content.denied])
    return tuple(mention for mention in claims if mention.key in visible)


class _Wording:
    """Turns content into words with one lexicon and one stream of chance."""

    def __init__(self, rng: Random, lexicon: Lexicon, style: Style) -> None:
        self.rng = rng
        self.lexicon = lexicon
        self.chatty = style == "free"
        self.terse = style == "full"

    def say(self, content: Content, view: str | None) -> str:
        """The caption, in one of three forms: tags, a few sentences, or one sentence."""
        chance = self.rng.random()
        if chance < (0.5 if self.chatty else 0.25):
            return self._tags(content, view)
        if chance < (0.55 if self.chatty else 0.3 if self.terse else 0.5):
            return self._sentences(content, view)
        return self._sentence(content, view)

    def _tags(self, content: Content, view: str | None) -> str:
        lexicon, rng = self.lexicon, self.rng
        tags = [self._tag(fact) for fact in content.facts]
        tags += [self._negative_tag(mention) for mention in content.absent]
        tags += [self._pick(lexicon.denials[mention.key][mention.value]) for mention in content.denied]
        tags += [self._pick(lexicon.views[view])] if view else []
        rng.shuffle(tags)
        if content.presentation or content.age or not tags or rng.random() < 0.3:
            tags.insert(rng.choice((0, 0, 0, len(tags))), lexicon.bare(self._subject(content, [])))
        tags += rng.sample(lexicon.keywords, rng.randint(0, 3)) if self.chatty else []
        return self._pick(lexicon.tag_separators).join(tags)

    def _tag(self, fact: Fact) -> str:
        premodifiers = self._premodifiers(fact)
        if premodifiers and self.rng.random() < 0.3:
            return self._pick(premodifiers).removesuffix("的")
        return self.lexicon.bare(self._phrase(fact))

    def _negative_tag(self, mention: Mention) -> str:
        noun = self.lexicon.bare(self._pick(self.lexicon.absences[mention.key][mention.value]))
        return self._pick(self.lexicon.negative_tags).format(noun)

    def _sentence(self, content: Content, view: str | None) -> str:
        rng, lexicon = self.rng, self.lexicon
        subject, clauses = self._subject_and_clauses(content, view)
        groups = self._link(lexicon.verbs, clauses)
        if len(groups) > 1 and rng.random() < 0.12:
            text = groups.pop() + lexicon.comma + subject
        else:
            text = self._opener() + subject
        for position, group in enumerate(groups):
            text += (self._pick(lexicon.gaps) if position else lexicon.first_gap) + group
        if self.chatty and rng.random() < 0.3:
            text += lexicon.comma + self._aside()
        return self._finish(text)

    def _sentences(self, content: Content, view: str | None) -> str:
        lexicon = self.lexicon
        subject, clauses = self._subject_and_clauses(content, view)
        pronoun = self._pick(lexicon.pronouns[content.presentation])
        told = [pronoun + lexicon.space + group for group in self._link(lexicon.finite, clauses)]
        return self._finish(lexicon.stop.join([self._opener() + subject, *told]))

    def _aside(self) -> str:
        if self.rng.random() < 0.5:
            return self._pick(self.lexicon.asides)
        name = "".join(self.rng.choices(self.lexicon.syllables, k=self.rng.randint(2, 3)))
        return self._pick(self.lexicon.names).format(name)

    def _opener(self) -> str:
        chance = 0.6 if self.chatty else 0.1 if self.terse else 0.3
        return self._pick(self.lexicon.openings) if self.rng.random() < chance else ""

    def _subject_and_clauses(self, content: Content, view: str | None) -> tuple[str, list[Clause]]:
        """The subject with up to two facts before the noun, and the rest of the content as shuffled clauses."""
        rng, lexicon = self.rng, self.lexicon
        before: list[str] = []
        clauses: list[Clause] = []
        for about, words, phrase in [*map(self._ways, content.facts), *map(self._absent_ways, content.absent)]:
            if words and len(before) < 2 and rng.random() < 0.35:
                before.append(self._pick(words))
            else:
                clauses.append((about, phrase))
        clauses += [("denial", self._pick(lexicon.denials[key][value])) for key, value, _ in content.denied]
        clauses += [("view", self._pick(lexicon.views[view]))] if view else []
        rng.shuffle(clauses)
        return self._subject(content, before), clauses

    def _subject(self, content: Content, before: list[str]) -> str:
        lexicon = self.lexicon
        words = [*before, self._pick(lexicon.fillers)] if self.rng.random() < (0.3 if self.chatty else 0.06) else before
        self.rng.shuffle(words)
        noun = self._pick(lexicon.subjects[content.presentation, content.age])
        return _fill(noun, lexicon.space.join(words))

    def _ways(self, fact: Fact) -> tuple[str, Words, str]:
        return fact.part, self._premodifiers(fact), self._phrase(fact)

    def _absent_ways(self, mention: Mention) -> tuple[str, Words, str]:
        words = () if mention.negated else self.lexicon.premodifiers.get(mention.key, {}).get(mention.value, ())
        return "absence", words, self._pick(self.lexicon.absences[mention.key][mention.value])

    def _phrase(self, fact: Fact) -> str:
        phrase = self._pick(self.lexicon.phrases[fact.part][fact.kind])
        key = PARTS[fact.part].color
        return _fill(phrase, self._pick(self.lexicon.colors[key][fact.color]) if key and fact.color else "")

    def _premodifiers(self, fact: Fact) -> Words:
        """Ways to say a fact before the noun; none if it has both a kind and a color."""
        kind_key, color_key = PARTS[fact.part].kind, PARTS[fact.part].color
        if fact.color:
            return () if fact.kind else self.lexicon.premodifiers.get(str(color_key), {}).get(fact.color, ())
        return self.lexicon.premodifiers.get(str(kind_key), {}).get(fact.kind, ())

    def _link(self, verbs: Mapping[str, Words], clauses: list[Clause]) -> list[str]:
        """Clauses with the same verbs gathered behind one of them, in the order of their first appearance."""
        gathered: dict[Words, list[str]] = {}
        for part, phrase in clauses:
            gathered.setdefault(verbs[part], []).append(phrase)
        return [
            self._predicate(self._pick(words), phrases, absent=words == verbs["absence"])
            for words, phrases in gathered.items()
        ]

    def _predicate(self, verb: str, phrases: list[str], *, absent: bool) -> str:
        lexicon = self.lexicon
        if verb.endswith("no"):
            phrases = [lexicon.bare(phrase) for phrase in phrases]
        if verb in ("", "is"):
            return (verb + lexicon.space).lstrip() + lexicon.comma.join(phrases)
        last = self._pick(lexicon.last_absence if absent else lexicon.last)
        listed = last.join([*([lexicon.listing.join(phrases[:-1])] if len(phrases) > 1 else []), phrases[-1]])
        return verb + lexicon.space + listed

    def _finish(self, text: str) -> str:
        return text + self._pick(self.lexicon.endings)

    def _pick(self, words: Words) -> str:
        """One of them, the first and plainest more often; in a long caption, where brevity counts, much more."""
        return words[int(self.rng.random() ** (2.5 if self.terse else 1.4) * len(words))]


def _fill(phrase: str, word: str) -> str:
    return phrase.replace("{}", word) if word else phrase.replace("{} ", "").replace("{}", "")
