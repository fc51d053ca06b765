"""Caching: what the U-Net makes below its finest level changes little from step to step, and need not be made at each.

Source: Ma et al. 2023, DeepCache (arXiv:2312.00858), section 3.3, with uniform intervals and the shallowest branch;
deviation: features are kept for each set of conditions, since guided sampling asks under several.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.shapes import Maps
from misen.generators.diffusion.denoiser import Denoiser, Flow

Deep = tuple[Maps, Float[Tensor, "batch features h w"]]
"""What comes back from below the finest level, and the coarsest features there."""


MOST = 8
"""Sets of conditions for which something is kept; who asks under more in one step makes everything anew."""


@dataclass
class Memory:
    """What is kept for one set of conditions.

    Attributes:
        conditions: the set.
        origin: the state of the network it came from and the shape of what went in, see ``_origin``.
        timestep: of the last prediction under it.
        deep: what was made for it.
        age: predictions made from them.
    """

    conditions: Mapping[str, Condition]
    origin: Hashable
    timestep: float
    deep: Deep
    age: int = 1

    def serves(self, conditions: Mapping[str, Condition], origin: Hashable, now: float) -> bool:
        """Whether it was kept for the same question, a step earlier."""
        return now < self.timestep and self.origin == origin and _same(self.conditions, conditions)


class CachingDenoiser(Denoiser):
    """A denoiser that goes below its finest level in one of ``interval`` predictions under the same conditions.

    With an interval of 1 it is the denoiser it was made of; so it is while gradients are wanted, and where the noise
    has not fallen, since then another walk has begun or a step is taken again. What the last step did not ask for is
    forgotten, and so is what weights made that have changed since.
    """

    def __init__(self, denoiser: Denoiser, interval: int) -> None:
        """The networks are shared with ``denoiser``."""
        nn.Module.__init__(self)
        self.unet, self.ports, self.interval = denoiser.unet, denoiser.ports, interval
        self._weights = tuple(self.parameters())
        self._memories: list[Memory] = []
        self._asked: tuple[Mapping[str, Condition], float] = {}, 0.0

    def trace(
        self, noisy: Maps, timestep: Num[Tensor, " batch"], conditions: Mapping[str, Condition]
    ) -> tuple[Maps, Float[Tensor, "batch features h w"]]:
        """As the denoiser's; the coarsest features may be those of an earlier prediction."""
        now, last = float(timestep[0]), self._asked[1]
        if now != last:
            self._memories = [memory for memory in self._memories if now < last == memory.timestep]
        self._asked = conditions, now
        return super().trace(noisy, timestep, conditions)

    def _deep(self, x: Tensor, flow: Flow) -> Deep:
        if torch.is_grad_enabled():
            return super()._deep(x, flow)
        (conditions, now), origin = self._asked, self._origin(x)
        memory = next((memory for memory in self._memories if memory.serves(conditions, origin, now)), None)
        if memory is not None and memory.age < self.interval:
            memory.timestep, memory.age = now, memory.age + 1
            flow.skips = flow.skips[: len(self.unet.up_blocks[-1].resnets)]
            return memory.deep
        self._memories = [other for other in self._memories if other is not memory][1 - MOST :]
        self._memories.append(Memory(conditions, origin, now, super()._deep(x, flow)))
        return self._memories[-1].deep

    def _origin(self, x: Tensor) -> Hashable:
        """Another one for another format, after any change of the weights, and for input of another shape."""
        return x.shape, *((weight._version, weight.dtype) for weight in self._weights)


def _same(first: Mapping[str, Condition], second: Mapping[str, Condition]) -> bool:
    """Whether two sets of conditions say the same."""
    return first.keys() == second.keys() and all(_equal(first[name], second[name]) for name in first)


def _equal(first: Condition, second: Condition) -> bool:
    pairs = ((first.value, second.value), (first.present, second.present), (first.mask, second.mask))
    return first is second or (first.strength == second.strength and all(a is b or _alike(a, b) for a, b in pairs))


def _alike(first: Tensor | None, second: Tensor | None) -> bool:
    return first is not None and second is not None and torch.equal(first, second)
