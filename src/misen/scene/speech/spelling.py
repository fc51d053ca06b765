"""From English spelling to phonemes: a few words by heart, the rest by the commonest sound of each letter group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random

from misen.core.errors import InputError
from misen.scene.speech.phonemes import PHONEMES

DIGITS: tuple[str, ...] = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_WORDS: Mapping[str, str] = {
    "zero": "Z IH R OW", "one": "W AH N", "two": "T UW", "three": "TH R IY", "four": "F AO R", "five": "F AY V",
    "six": "S IH K S", "seven": "S EH V AX N", "eight": "EY T", "nine": "N AY N", "ten": "T EH N",
    "a": "AX", "the": "DH AX", "i": "AY", "you": "Y UW", "he": "HH IY", "she": "SH IY", "we": "W IY", "me": "M IY",
    "hello": "HH EH L OW", "hi": "HH AY", "good": "G UH D", "morning": "M AO R N IH NG", "my": "M AY", "is": "IH Z",
    "are": "AA R", "was": "W AA Z", "what": "W AH T", "name": "N EY M", "come": "K AH M", "some": "S AH M",
    "to": "T UW", "do": "D UW", "no": "N OW", "go": "G OW", "so": "S OW", "yes": "Y EH S", "of": "AH V",
    "have": "HH AE V", "thank": "TH AE NG K", "please": "P L IY Z", "people": "P IY P AX L", "they": "DH EY",
    "there": "DH EH R", "this": "DH IH S", "that": "DH AE T", "water": "W AO T ER", "world": "W ER L D",
    "says": "S EH Z", "said": "S EH D",
}  # fmt: skip

_SOUNDS: Mapping[str, str] = {
    "tion": "SH AX N", "igh": "AY", "ough": "AO", "augh": "AO", "tch": "CH", "sch": "S K", "dge": "JH", "eau": "OW",
    "sh": "SH", "ch": "CH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG", "qu": "K W", "kn": "N", "wr": "R",
    "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW", "oa": "OW", "oi": "OY", "oy": "OY", "ai": "EY",
    "ay": "EY", "ei": "EY", "ey": "IY", "ie": "IY", "au": "AO", "aw": "AO", "ue": "UW", "ew": "UW", "ar": "AA R",
    "er": "ER", "ir": "ER", "ur": "ER", "or": "AO R", "bb": "B", "cc": "K", "dd": "D", "ff": "F", "gg": "G", "ll": "L",
    "mm": "M", "nn": "N", "pp": "P", "rr": "R", "ss": "S", "tt": "T", "zz": "Z",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K",
    "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V",
    "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_LONG = {"a": "EY", "e": "IY", "i": "AY", "o": "OW", "u": "UW"}
_SILENT_E = re.compile(r"([aeiou])([bcdfghklmnpstvz])e$")
_GROUPS = re.compile("|".join(sorted(_SOUNDS, key=len, reverse=True)))
_TOKENS = re.compile(r"[a-z]+|[0-9]|[.,;:!?]")


def spell(text: str) -> tuple[str, ...]:
    """Phonemes of English words and digits; punctuation is a pause.

    Raises:
        InputError: Nothing in the text can be pronounced.
    """
    phonemes = [symbol for token in _TOKENS.findall(text.lower()) for symbol in _pronounce(token)]
    if not set(phonemes) - {"_"}:
        raise InputError(f"text {text!r} has no English letter or digit to pronounce", field="text")
    return tuple(phonemes)


def _pronounce(token: str) -> list[str]:
    if token.isdigit():
        token = DIGITS[int(token)]
    if not token.isalpha():
        return ["_"]
    if token in _WORDS:
        return _WORDS[token].split()
    silent = _SILENT_E.search(token)
    if silent is None:
        return _by_letters(token)
    return [*_by_letters(token[: silent.start()]), _LONG[silent.group(1)], *_by_letters(silent.group(2))]


def _by_letters(letters: str) -> list[str]:
    return [symbol for group in _GROUPS.findall(letters) for symbol in _SOUNDS[group].split()]


_VOWELS = tuple(symbol for symbol, phoneme in PHONEMES.items() if phoneme.is_vowel)
_CONSONANTS = tuple(symbol for symbol in PHONEMES if symbol not in (*_VOWELS, "_"))


def babble(seed: int) -> tuple[str, ...]:
    """Phonemes to learn from: two to six random syllables, or some digits, with pauses between."""
    rng = Random(seed)
    if rng.random() < 0.3:
        return spell(" , ".join(rng.choices(DIGITS, k=rng.randint(1, 4))))
    syllables = [_syllable(rng) for _ in range(rng.randint(2, 6))]
    return tuple(symbol for syllable in syllables for symbol in syllable)


def _syllable(rng: Random) -> list[str]:
    onset = rng.choices(_CONSONANTS, k=rng.random() < 0.85)
    coda = rng.choices(_CONSONANTS, k=rng.random() < 0.4)
    pause = ["_"] if rng.random() < 0.15 else []
    return [*onset, rng.choice(_VOWELS), *coda, *pause]
