"""Prompts as Stable Diffusion XL reads them: by two text encoders, with the meaning of the whole beside the words.

Source: Podell et al. 2023 (arXiv:2307.01952), section 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from misen.core.condition import Condition, Layout, check_layout
from misen.core.shapes import Tokens, Vectors
from misen.modalities.text.encoder import TextEncoder
from misen.perception.text import tokenized


class PairedTextEncoder(TextEncoder):
    """Tokens (B, L + 1, D): L of the words, both encoders' features side by side, and one of the whole.

    The last is the second encoder's projection, filled up with zeros, so that a prompt stays one condition.
    """

    def __init__(self, first: TextEncoder, second: TextEncoder) -> None:
        """Wrap two; the second one's model projects."""
        super().__init__(first.tokenizer, first.model)
        self.readers = (first, second)

    def width(self, layout: Layout) -> int:
        """The sum of both encoders' widths."""
        check_layout(layout, self.layouts)
        return sum(reader.width(layout) for reader in self.readers)

    def read(self, prompts: Sequence[str]) -> Condition:
        """The hidden states before the last of both encoders, and the projection."""
        first, second = (_states(reader, prompts) for reader in self.readers)
        words = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], -1)
        value = append_whole(words, second.text_embeds)
        present = torch.tensor([bool(prompt.strip()) for prompt in prompts], device=value.device)
        return Condition("tokens", value, present, torch.ones(value.shape[:2], dtype=torch.bool, device=value.device))


def _states(reader: TextEncoder, prompts: Sequence[str]) -> Any:
    padded = tokenized(reader.tokenizer, prompts, padding="max_length", truncation=True, return_tensors="pt")
    return reader.model(input_ids=padded.input_ids.to(reader.model.device), output_hidden_states=True)


def append_whole(words: Tokens, whole: Vectors) -> Tokens:
    """(B, L, D) and (B, W) with W <= D -> (B, L + 1, D)."""
    token: Tensor = functional.pad(whole, (0, words.shape[-1] - whole.shape[-1]))
    return torch.cat([words, token[:, None]], 1)


def split_whole(tokens: Tokens, length: int, width: int) -> tuple[Tokens, Vectors]:
    """Inverts ``append_whole``; of k prompts in a row, (B, k (L + 1), D), all words and the mean of the wholes.

    Args:
        tokens: of one prompt or several.
        length: L + 1, tokens per prompt.
        width: W.
    """
    prompts = tokens.unflatten(1, (-1, length))
    return prompts[:, :, :-1].flatten(1, 2), prompts[:, :, -1, :width].mean(1)
