"""Prompts as the hidden states of the frozen text encoder, padding included, as diffusers hands them to a U-Net."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.text.signal import Text


class TextEncoder:
    """Tokens (B, 64, 192)."""

    layouts: tuple[Layout, ...] = ("tokens",)

    def __init__(self, tokenizer: Any, model: Any) -> None:
        """Wrap a tokenizer and a CLIP text model of transformers."""
        self.tokenizer, self.model = tokenizer, model

    def width(self, layout: Layout) -> int:
        """Width of the text model's hidden states."""
        check_layout(layout, self.layouts)
        return int(self.model.config.hidden_size)

    @torch.no_grad()
    def encode(self, signal: Text, layout: Layout) -> Condition:
        """Last hidden states; empty prompts are null, and prompts over the token limit are cut with a warning."""
        check_layout(layout, self.layouts)
        value = self.model(input_ids=self._ids(list(signal.prompts)).to(self.model.device)).last_hidden_state
        present = torch.tensor([bool(prompt.strip()) for prompt in signal.prompts], device=value.device)
        mask = torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
        return Condition(layout, value, present, mask)

    def _ids(self, prompts: list[str]) -> Tensor:
        limit = int(self.model.config.max_position_embeddings)
        whole = [len(ids) for ids in self.tokenizer(prompts, verbose=False).input_ids]
        for prompt, dropped in ((p, n - limit) for p, n in zip(prompts, whole, strict=True) if n > limit):
            start = prompt if len(prompt) <= 40 else prompt[:39] + "…"
            warnings.warn(f"prompt {start!r} is too long: its last {dropped} tokens were dropped", stacklevel=3)
        padded = self.tokenizer(
            prompts, padding="max_length", max_length=limit, truncation=True, return_tensors="pt"
        )  # fmt: skip
        return padded.input_ids  # type: ignore[no-any-return]


def build(coach: Any) -> TextEncoder:
    """The encoder that shares the coach's frozen text model."""
    text = coach.text_encoder()
    return TextEncoder(text.tokenizer, text.model)
