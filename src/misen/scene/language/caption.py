"""What a caption says: its words, the claims in them, and whether those claims are false of an avatar."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from misen.scene.attributes import BY_KEY, COLUMN


class Mention(NamedTuple):
    """One claim of a caption.

    Attributes:
        key: An attribute key, as in ``attributes.KEYS``.
        value: One of that attribute's values.
        negated: ``False`` claims that the attribute has the value ("no glasses" is glasses = none), ``True`` that it
            has any other ("not smiling"; plain "glasses" is glasses other than none).
    """

    key: str
    value: str
    negated: bool = False

    def holds(self, values: Mapping[str, str]) -> bool:
        """Whether the claim is true of an avatar with these attribute values."""
        return (values[self.key] == self.value) != self.negated


@dataclass(frozen=True)
class Caption:
    """A sentence about one avatar.

    Attributes:
        text: The words, as a person might type them.
        mentions: The claims about attributes, each at most once.
        view: ``"front"``, ``"left"``, ``"right"`` or ``"behind"``: the side it says the avatar is seen from, or
            ``None`` if it does not say. Seen from the left, the face looks to the right of the picture.
    """

    text: str
    mentions: tuple[Mention, ...]
    view: str | None = None


def contradicts(mentions: Iterable[Mention], values: Mapping[str, str], visible: Container[str]) -> bool:
    """Whether some claim about a visible attribute is false; what cannot be seen contradicts nothing."""
    return any(mention.key in visible and not mention.holds(values) for mention in mentions)


def false_for(mentions: Iterable[Mention], attributes: Tensor, visible: Tensor) -> Tensor:
    """Which of N avatars the claims are false of: the valid distractors when a caption is used to retrieve.

    Args:
        mentions: The claims of one caption.
        attributes: (N, 16) int64 value indices.
        visible: (N, 16) bool.

    Returns:
        (N,) bool.
    """
    false = torch.zeros(attributes.shape[0], dtype=torch.bool, device=attributes.device)
    for key, value, negated in mentions:
        column = COLUMN[key]
        equal = attributes[:, column] == BY_KEY[key].index(value)
        false |= visible[:, column] & (equal == negated)
    return false
