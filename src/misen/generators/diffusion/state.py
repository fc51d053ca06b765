"""The state of sampling: noisy latents and what a sampler remembers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from misen.core.shapes import Maps


@dataclass(frozen=True)
class Memory:
    """What a multi-step sampler remembers of a step: where it was, what it saw, and the latents it started from."""

    sigma: float
    point: Maps
    latents: Maps

    def repeat(self, count: int) -> Memory:
        """The memory of a state whose items are repeated."""
        point, latents = (maps.repeat_interleave(count, 0) for maps in (self.point, self.latents))
        return Memory(self.sigma, point, latents)


@dataclass(frozen=True)
class Latents:
    """A state.

    Attributes:
        value: (B, C, h, w): noisy, of unit variance, and clean at the end of the walk.
        history: earlier steps, oldest first; a sampler's own business.
        pure: whether it is noise and nothing else, from which a walk begins that has no picture to begin from.
    """

    value: Maps
    history: tuple[Memory, ...] = ()
    pure: bool = False

    def at(self, value: Maps, *history: Memory) -> Latents:
        """The next state."""
        return replace(self, value=value, history=history, pure=False)

    def repeat(self, count: int) -> Latents:
        """Each item ``count`` times in a row."""
        history = tuple(memory.repeat(count) for memory in self.history)
        return replace(self, value=self.value.repeat_interleave(count, 0), history=history)
