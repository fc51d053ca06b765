"""Prompts as priors read them: what the text tower says of every token, and the place of the whole.

Both travel to the generator as one condition: the tokens that the stock pipeline would feed, and one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, Encoder, Layout
from misen.core.shapes import Counted, Tokens
from misen.perception.joint import WIDTH, JointEmbedding, Places


@dataclass(frozen=True)
class Prompts:
    """B prompts.

    Attributes:
        words: (B, L, D) hidden states.
        counted: (B, L) bool: the tokens up to the first end of text.
        wholes: (B, 128) unit vectors.
    """

    words: Tokens
    counted: Counted
    wholes: Places

    @classmethod
    def read(cls, joint: JointEmbedding, ids: Int[Tensor, "batch length"]) -> Prompts:
        """Prompts from ids (B, L) that are padded with ends of text; what all are padded with is left out."""
        ends = (ids == joint.words.tokenizer.eos_token_id).cumsum(1)
        counted = functional.pad(ends, (1, 0))[:, :-1] == 0
        longest = int(counted.sum(1).max())
        outcome = joint.words.model(input_ids=ids[:, :longest])
        wholes = joint.place_words(outcome.pooler_output)
        return cls(outcome.last_hidden_state, counted[:, :longest], wholes)

    @classmethod
    def split(cls, condition: Condition, length: int) -> Prompts:
        """What ``WholeReader`` put together, of one prompt or of several in a row.

        Args:
            condition: (B, k (L + 1), D) tokens of k prompts; their wholes become one.
            length: L + 1.
        """
        assert condition.mask is not None, "tokens have a mask"
        prompts, counted = (part.unflatten(1, (-1, length)) for part in (condition.value, condition.mask))
        wholes = functional.normalize(prompts[:, :, -1, :WIDTH].sum(1), dim=1)
        return cls(prompts[:, :, :-1].flatten(1, 2), counted[:, :, :-1].flatten(1, 2), wholes)


class WholeReader:
    """Tokens (B, L + 1, D): those of the usual encoder, and the whole, filled up with zeros.

    The mask leaves out padding, though the decoder reads that as well, as diffusers has it.
    """

    layouts: tuple[Layout, ...] = ("tokens",)

    def __init__(self, usual: Encoder, joint: JointEmbedding) -> None:
        """``usual`` reads by the text tower of ``joint``."""
        self.usual, self.joint = usual, joint

    def width(self, layout: Layout) -> int:
        """The usual encoder's."""
        return self.usual.width(layout)

    @torch.no_grad()
    def encode(self, signal: Any, layout: Layout) -> Condition:
        """The condition of a signal that has ``prompts``."""
        words = self.usual.encode(signal, layout)
        batch, length, width = words.value.shape
        wholes = functional.pad(self.joint.text(signal.prompts), (0, width - WIDTH))
        lengths = self._lengths(signal.prompts).to(words.value.device)
        counted = torch.arange(length, device=words.value.device) < lengths[:, None]
        mask = torch.cat([counted, counted.new_ones(batch, 1)], 1)
        return replace(words, value=torch.cat([words.value, wholes.to(words.value)[:, None]], 1), mask=mask)

    def _lengths(self, prompts: Sequence[str]) -> Int[Tensor, " batch"]:
        return torch.tensor([len(ids) for ids in self.joint.words.tokenize(prompts)])
