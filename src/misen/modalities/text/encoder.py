"""Prompts as the hidden states of the frozen text encoder, padding included, as diffusers hands them to a U-Net."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.text.signal import Text
from misen.perception.text import tokenized


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
        """Last hidden states; empty prompts are null, and typed ones over the token limit are cut with a warning."""
        check_layout(layout, self.layouts)
        self._warn(signal)
        return self.read(signal.prompts)

    def read(self, prompts: Sequence[str]) -> Condition:
        """The same of bare prompts, differentiable in what learns of the model."""
        value = self.model(input_ids=self._ids(prompts).to(self.model.device)).last_hidden_state
        present = torch.tensor([bool(prompt.strip()) for prompt in prompts], device=value.device)
        mask = torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
        return Condition("tokens", value, present, mask)

    def _ids(self, prompts: Sequence[str]) -> Tensor:
        padded = tokenized(self.tokenizer, prompts, padding="max_length", truncation=True, return_tensors="pt")
        return padded.input_ids  # type: ignore[no-any-return]

    def _warn(self, signal: Text) -> None:
        """Say how much of each typed prompt does not fit; captions of the world are cut silently."""
        limit = self.tokenizer.model_max_length
        for prompt in (p for p, claims in zip(signal.prompts, signal.claims, strict=True) if claims is None):
            if (dropped := len(tokenized(self.tokenizer, prompt, verbose=False).input_ids) - limit) > 0:
                start = prompt if len(prompt) <= 40 else prompt[:39] + "…"
                warnings.warn(f"prompt {start!r} is too long: its last {dropped} tokens were dropped", stacklevel=3)


def build(coach: Any) -> TextEncoder:
    """The encoder that shares the coach's frozen text model."""
    text = coach.text_encoder()
    return TextEncoder(text.tokenizer, text.model)
