"""Wording: descriptions in fixed words and order, so that two avatars that differ in one trait differ in its words."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from misen.scene.language.grammar import LEXICONS, view_side
from misen.scene.language.lexicon import ANY, PARTS

LEXICON = LEXICONS["en"]


def describe_plainly(values: Mapping[str, str], keys: Container[str], camera_yaw: float) -> str:
    """Tags of an avatar, each in the plainest words of the world's grammar.

    Args:
        values: value of every trait.
        keys: the traits to be told.
        camera_yaw: radians; tells the side, unless it is the usual one.
    """
    return ", ".join(LEXICON.bare(tag) for tag in _tags(values, keys, camera_yaw) if tag)


def beside(key: str) -> set[str]:
    """The traits that are told in one tag with ``key``, and itself."""
    pairs = ({part.kind, part.color} for part in PARTS.values())
    return {name for pair in pairs if key in pair for name in pair if name} | {key}


def _tags(values: Mapping[str, str], keys: Container[str], camera_yaw: float) -> Iterator[str]:
    presentation, age = (values[key] if key in keys else ANY for key in ("presentation", "age"))
    yield LEXICON.subjects[presentation, age][0].replace("{} ", "")
    for part in PARTS:
        yield _tag(part, values, keys)
    side = view_side(camera_yaw)
    yield LEXICON.views[side][0] if side else ""


def _tag(part: str, values: Mapping[str, str], keys: Container[str]) -> str:
    """What is told of one part; nothing if that is nothing."""
    kind_key, color_key = PARTS[part].kind, PARTS[part].color
    kind = values[kind_key] if kind_key and kind_key in keys else ANY
    color = LEXICON.colors[color_key][values[color_key]][0] if color_key and color_key in keys else ""
    if kind_key and kind == "none":
        return f"no {LEXICON.absences[kind_key][kind][0]}"
    if not kind and not color:
        return ""
    phrase = LEXICON.phrases[part][kind][0]
    return phrase.replace("{}", color) if color else phrase.replace("{} ", "")
