"""The state of a walk: a latent, and the noise that goes with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from misen.core.shapes import Points


@dataclass(frozen=True)
class LatentState:
    """A state.

    Attributes:
        value: (B, ...) a point of W+ or of S.
        noise: (B, inputs) of the synthesis network; drawn from the picture's seed, and zero for a given picture.
        drawn: whether ``value`` is as it was drawn; nothing has moved it yet.
        passed: latents of layers, coarse to fine, to which a walk has done what was asked of them; None where nothing
            can be asked of single layers.
    """

    value: Points
    noise: Float[Tensor, "batch inputs"]
    drawn: bool = False
    passed: int | None = None

    def at(self, value: Points) -> LatentState:
        """The same elsewhere."""
        return replace(self, value=value)

    def moved(self, value: Points, passed: int | None = None) -> LatentState:
        """The next state, in which all layers are passed, or the first ``passed`` of them."""
        layers = None if self.passed is None else value.shape[1]
        reached = layers if passed is None else passed
        return replace(self, value=value, drawn=self.drawn and reached != layers, passed=reached)

    def repeat(self, count: int) -> LatentState:
        """Each item ``count`` times in a row."""
        value, noise = (tensor.repeat_interleave(count, 0) for tensor in (self.value, self.noise))
        return replace(self, value=value, noise=noise)
