"""Slips of the hand: typing errors, capitals and punctuation as people really leave them."""

from __future__ import annotations

from random import Random

TYPO_RATE = 0.04
"""Share of captions with a typing error."""


def misspell(rng: Random, text: str) -> str:
    """Swaps, drops, doubles or replaces one letter inside a word of four or more letters; Chinese is only doubled."""
    places = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 3].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    before, letter, following, after = text[:at], text[at], text[at + 1], text[at + 2 :]
    if not letter.isascii():
        return before + letter + letter + following + after
    slip = rng.randrange(4)
    if slip == 0:
        return before + following + letter + after
    if slip == 1:
        return before + following + after
    if slip == 2:
        return before + letter + letter + following + after
    return before + rng.choice("abcdefghijklmnopqrstuvwxyz") + following + after


def restyle(rng: Random, text: str) -> str:
    """Lower case, a capital first letter, all capitals or as it is."""
    chance = rng.random()
    if chance < 0.03:
        return text.upper()
    if chance < 0.35:
        return text[:1].upper() + text[1:]
    return text
