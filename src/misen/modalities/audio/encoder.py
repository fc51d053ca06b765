"""Sounds as one token per video frame, or as one vector."""

from __future__ import annotations

import torch

from misen.core.condition import Condition, Layout, check_layout
from misen.modalities.audio.features import Features, hidden
from misen.modalities.audio.signal import Audio
from misen.perception.senses import Ears


class AudioEncoder:
    """Tokens (B, F, D), what is heard around each video frame; vector (B, D), their mean."""

    layouts: tuple[Layout, ...] = ("tokens", "vector")

    def __init__(self, features: Features) -> None:
        """Take these features."""
        self.features = features

    def width(self, layout: Layout) -> int:
        """That of the features."""
        check_layout(layout, self.layouts)
        return self.features.width

    def encode(self, signal: Audio, layout: Layout) -> Condition:
        """The features of every frame; those behind a sound's end do not count."""
        check_layout(layout, self.layouts)
        tokens = self.features.take(signal.waveform)
        lasting = torch.arange(tokens.shape[1], device=tokens.device) < signal.frames[:, None]
        tokens = tokens * lasting[..., None]
        if layout == "tokens":
            return Condition.full(layout, tokens, lasting)
        return Condition.full(layout, tokens.sum(1) / signal.frames[:, None])


def build(coach: Ears) -> AudioEncoder:
    """The encoder that hears with the coach's frozen network."""
    return AudioEncoder(hidden(coach.hearing()))
