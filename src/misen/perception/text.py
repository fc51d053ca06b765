"""Text towers: the package's tokenizer and a stock CLIP text model of our own size and weights."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer, PreTrainedTokenizerBase

from misen.core.shapes import Vectors
from misen.nn.weights import SHIPPED

GROUP = 64
"""How many sentences are computed together."""
TURN = threading.Lock()
"""Tokenizers keep how to pad and to cut as settings of their own, so that only one thread may use one at a time."""


def tokenized(tokenizer: PreTrainedTokenizerBase, sentences: str | Sequence[str], **settings: Any) -> Any:
    """What a tokenizer makes of sentences, whichever threads ask."""
    with TURN:
        return tokenizer(sentences if isinstance(sentences, str) else list(sentences), **settings)


@cache
def tokenizer() -> CLIPTokenizer:
    """The tokenizer that every text tower shares."""
    return CLIPTokenizer.from_pretrained(SHIPPED / "tokenizer")


class TextTower(nn.Module):
    """Sentences in, hidden states of their tokens and one pooled state out.

    Attributes:
        tokenizer: turns sentences into ids; what exceeds its ``model_max_length`` is cut.
        model: hidden states (B, L, D) of ids (B, L); causal, so that padding changes nothing before it.
    """

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.tokenizer = tokenizer()
        config = CLIPTextConfig(
            vocab_size=len(self.tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            hidden_act="gelu",
            max_position_embeddings=self.tokenizer.model_max_length,
            projection_dim=width,
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
            attn_implementation="eager",  # for 64 tokens faster than fused kernels, above all backwards
        )
        self.model = CLIPTextModel(config)

    def tokenize(self, sentences: Sequence[str]) -> list[list[int]]:
        """The ids of each sentence, cut at the limit."""
        ids: list[list[int]] = tokenized(self.tokenizer, sentences, truncation=True).input_ids
        return ids

    def forward(self, sentences: Sequence[str]) -> Vectors:
        """(B, D) pooled states: those of the end-of-text tokens.

        Sentences of like length are computed together, because most are half as long as the longest.
        """
        ids = self.tokenize(sentences)
        order = sorted(range(len(ids)), key=lambda item: len(ids[item]))
        groups = [order[start : start + GROUP] for start in range(0, len(order), GROUP)]
        pooled = torch.cat([self._pool([ids[item] for item in group]) for group in groups])
        return pooled[torch.tensor(order).argsort()]

    def _pool(self, ids: list[list[int]]) -> Vectors:
        padded = self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").input_ids
        pooled: Tensor = self.model(input_ids=padded.to(self.model.device)).pooler_output
        return pooled
