"""Exponential moving average of weights.

Source: Polyak & Juditsky 1992; warm-up of the decay as in TensorFlow's ``ExponentialMovingAverage(num_updates)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def warmed(decay: float, updates: int) -> float:
    """The decay after ``updates`` updates: min(decay, (1 + updates) / (10 + updates))."""
    return min(decay, (1 + updates) / (10 + updates))


class Ema:
    """The averaged twin of a module's learning parameters.

    After update k the average is ``d a + (1 - d) w`` with ``d = warmed(decay, k)``. Buffers and frozen parameters are
    not averaged: they are used as they are.
    """

    def __init__(self, module: nn.Module, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.module, self.parameters, self.decay = module, parameters, decay
        self.averages = {name: p.detach().clone(memory_format=torch.preserve_format) for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, updates: int) -> None:
        """Move towards the weights after the optimiser's update number ``updates``."""
        weights = [parameter.detach() for parameter in self.parameters.values()]
        torch._foreach_lerp_(list(self.averages.values()), weights, 1 - warmed(self.decay, updates))

    def state(self) -> dict[str, Tensor]:
        """The averages by parameter name."""
        return self.averages

    def weights(self) -> dict[str, Tensor]:
        """The module's state dict with the averages in place of the parameters; shares memory with both."""
        return {**self.module.state_dict(), **self.averages}

    @contextmanager
    def applied(self) -> Iterator[nn.Module]:
        """The module itself with averaged weights, in evaluation mode, for the length of a ``with`` block."""
        modes = {part: part.training for part in self.module.modules()}
        kept = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self._fill(self.averages)
        try:
            yield self.module.eval()
        finally:
            self._fill(kept)
            for part, training in modes.items():
                part.training = training

    @torch.no_grad()
    def _fill(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])
