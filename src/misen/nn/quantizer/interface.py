"""What a quantiser offers, whatever way its codes are learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from misen.core.shapes import Maps, Scalar

Indices = Int[Tensor, "batch groups rows columns"]
"""Which code each group of channels was rounded to."""
Counts = Float[Tensor, "groups codes"]
"""How often each code was chosen."""
Codebook = Float[Tensor, "groups codes features"]
"""One code per row."""


@dataclass(frozen=True)
class Quantized:
    """Rounded maps.

    Attributes:
        value: the codes (B, C, h, w); gradients reach what was rounded as if it had not been.
        indices: which codes these are, (B, G, h, w).
        commitment: mean squared distance between what was rounded and its codes, by which an encoder stays near them.
    """

    value: Maps
    indices: Indices
    commitment: Scalar


@runtime_checkable
class Quantizer(Protocol):
    """Rounds maps to codes, each group of channels for itself.

    Attributes:
        codes: of each group.
        groups: of channels that lie side by side; the more, the finer.
    """

    codes: int
    groups: int

    def __call__(self, latents: Maps) -> Quantized:
        """Round maps (B, C, h, w)."""
        ...

    def look_up(self, indices: Indices) -> Maps:
        """The codes (B, C, h, w) that indices (B, G, h, w) mean."""
        ...


class Tallies(NamedTuple):
    """What a batch tells a codebook.

    Attributes:
        counts: (G, K) vectors that were rounded to each code.
        sums: (G, K, D) of these vectors.
        candidates: (G, K, D) vectors of the batch that may take the place of codes that nobody chooses.
    """

    counts: Counts
    sums: Codebook
    candidates: Codebook


@runtime_checkable
class Counting(Protocol):
    """Capability of quantisers: to learn from counts of the batch in place of gradients."""

    def gather(self, latents: Maps, indices: Indices) -> Tallies:
        """What a batch tells; counts and sums may be averaged with those of other processes."""
        ...

    def learn(self, tallies: Tallies) -> None:
        """Move the codes."""
        ...
