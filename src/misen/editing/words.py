"""Words of two prompts: which tokens of one stand for which of the other, and what weight each has.

Source: Hertz et al. 2022 (arXiv:2208.01626), section 4; deviation: swapped, added and left-out words are found by one
alignment of tokens, so that they may be mixed freely, and a span is stretched over one of another length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from misen.core.errors import InputError


@dataclass(frozen=True)
class Spelled:
    """A prompt as a text encoder reads it.

    Attributes:
        prompt: the words.
        tokens: ids from the start to the last word; an end and padding follow.
        spans: for each of these, the characters of the prompt it stands for, as (first, after the last).
        length: of the sequence that is looked at, with end and padding.
    """

    prompt: str
    tokens: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    length: int

    def places(self, word: str) -> list[int]:
        """The tokens that hold some of ``word``, wherever it stands in the prompt; Latin letters only as a whole word.

        A token may hold more than the word, above all in Chinese.
        """
        found = re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", self.prompt, re.ASCII | re.IGNORECASE)
        matches = [match.span() for match in found if word]
        return [place for place, span in enumerate(self.spans) if any(_meet(span, match) for match in matches)]


@dataclass(frozen=True)
class Alignment:
    """How the tokens of a target prompt came about from those of a source.

    Attributes:
        shares: (L, L), how much of what looks at a source token (row) is to look at a target token (column).
        lost: (L,) source tokens that were swapped or left out.
        new: (L,) target tokens that were swapped in or added.
    """

    shares: Float[Tensor, "source target"]
    lost: Bool[Tensor, " source"]
    new: Bool[Tensor, " target"]

    @property
    def added(self) -> Bool[Tensor, " target"]:
        """(L,) target tokens that nothing in the source stands for."""
        return self.shares.sum(dim=0) == 0


def spell(tokenizer: Any, prompt: str) -> Spelled:
    """A prompt by a tokenizer of transformers; raises ``InputError`` when it has more words than fit, naming them."""
    found = tokenizer(prompt, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    spans, length = list(map(tuple, found["offset_mapping"])), int(tokenizer.model_max_length)
    last = max((place for place, special in enumerate(found["special_tokens_mask"]) if not special), default=0)
    if (surplus := len(spans) - length) > 0:
        rest = prompt[spans[last + 1 - surplus][0] :]
        message = f"a prompt is longer than the {length} tokens that fit; too much is {rest!r}"
        raise InputError(message, field="words", hint="shorten it")
    return Spelled(prompt, tuple(found["input_ids"][: last + 1]), tuple(spans[: last + 1]), length)


def align(source: Sequence[int], target: Sequence[int], length: int) -> Alignment:
    """Align the tokens of two prompts, given without end and padding, in sequences of ``length`` tokens.

    Shared tokens stand for themselves; a span between them stands for the span in its place, in order, and all that
    looked at the one will look at the other; the ends of both prompts, with the padding, stand for each other.
    """
    shares = torch.zeros(length, length)
    lost, new = torch.zeros(length, dtype=torch.bool), torch.zeros(length, dtype=torch.bool)
    for kind, i, j, k, m in SequenceMatcher(None, source, target, autojunk=False).get_opcodes():
        shares[i:j, k:m] = stretch(j - i, m - k)
        lost[i:j] = new[k:m] = kind != "equal"
    shares[len(source) :, len(target) :] = stretch(length - len(source), length - len(target))
    return Alignment(shares, lost, new)


def stretch(rows: int, columns: int) -> Float[Tensor, "{rows} {columns}"]:
    """Spread ``rows`` things evenly and in order over ``columns`` places; every row adds up to 1 unless it is empty."""
    edges = torch.arange(columns + 1) * rows / max(columns, 1)
    first = torch.arange(rows)[:, None]
    return (torch.minimum(first + 1, edges[1:]) - torch.maximum(first, edges[:-1])).clamp(min=0)


def compare(source: Spelled, target: Spelled) -> Alignment:
    """The alignment of two prompts; raises ``InputError`` when they share no word."""
    if set(_words(source)).isdisjoint(_words(target)):
        message = f"the prompts share no word: {source.prompt!r} and {target.prompt!r}"
        raise InputError(message, field="words", hint="describe the picture, then change some words of that")
    return align(source.tokens, target.tokens, target.length)


def factors(spelled: Spelled, weights: Mapping[str, float]) -> Float[Tensor, " tokens"]:
    """(L,) the weight of each token; raises ``InputError`` when the prompt lacks some of the words, and names them."""
    if missing := [word for word in weights if not spelled.places(word)]:
        message = f"the prompt {spelled.prompt!r} does not contain: {', '.join(missing)}"
        raise InputError(message, field="weights", hint="weigh words as they stand in the prompt")
    factor = torch.ones(spelled.length)
    for word, weight in weights.items():
        factor[spelled.places(word)] = weight
    return factor


def _words(spelled: Spelled) -> Iterator[int]:
    """The tokens that stand for something in the prompt, unlike the start."""
    return (token for token, (first, end) in zip(spelled.tokens, spelled.spans, strict=True) if first < end)


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans have characters in common."""
    return one[0] < other[1] and other[0] < one[1]
