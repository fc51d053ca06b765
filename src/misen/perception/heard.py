"""What is heard of a batch of sounds, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from misen.nn.sound import Waveforms


@dataclass(frozen=True)
class Heard:
    """What a network of hearing says of B sounds in each of F video frames; differentiable in the sounds.

    Attributes:
        visemes: (B, F, 11) logits of ``scene.speech.VISEMES``.
        mouth: (B, F, 3) in [0, 1] along ``scene.speech.MOUTH_AXES``: jaw open, lip stretch, lip round.
        hidden: (B, F, D) the layer that both are read from.
    """

    visemes: Float[Tensor, "batch frames classes"]
    mouth: Float[Tensor, "batch frames 3"]
    hidden: Float[Tensor, "batch frames features"]

    @property
    def openness(self) -> Float[Tensor, "batch frames"]:
        """(B, F) how far the jaw is open."""
        return self.mouth[..., 0]


Listen = Callable[[Waveforms], Heard]
"""Sounds (B, T) of whole video frames -> what is heard in each of them."""


@runtime_checkable
class Listener(Protocol):
    """A network that listens.

    Attributes:
        width: D of its hidden layer.
    """

    width: int

    def __call__(self, waveform: Waveforms, /) -> Heard:
        """As of ``Listen``."""
        ...
