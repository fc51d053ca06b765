"""What a trainer is given: batches as a function of the step, and players with their optimiser and averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from misen.core.generator import Player
from misen.training.config import TrainingConfig
from misen.training.ema import Ema


class Batches(Protocol):
    """A function of the step: the same step gives the same batch in any process, at any time."""

    def __call__(self, step: int) -> Mapping[str, Any]:
        """The batch of ``step`` >= 0: values that have its length and can be sliced, or mappings of such values."""
        ...


@runtime_checkable
class Fingerprinted(Protocol):
    """Capability of batches: to be told apart, so that a run is not continued on other data."""

    @property
    def fingerprint(self) -> str:
        """A hash of what the batches are made of."""
        ...


def rows(batch: Any, part: int, parts: int) -> Any:
    """Part ``part`` of ``parts`` equal consecutive parts of a batch."""
    if isinstance(batch, Mapping):
        return {key: rows(value, part, parts) for key, value in batch.items()}
    length = len(batch) // parts
    return batch[part * length : (part + 1) * length]


@dataclass
class Seat:
    """A player at the table: its parameters that learn, its optimiser and its averaged weights."""

    player: Player
    parameters: dict[str, nn.Parameter]
    optimizer: torch.optim.AdamW
    ema: Ema

    @classmethod
    def of(cls, player: Player, config: TrainingConfig) -> Seat:
        """Seat a player; parameters that do not require a gradient now never learn."""
        parameters = {name: p for name, p in player.module.named_parameters() if p.requires_grad}
        return cls(player, parameters, _optimizer(parameters, config), Ema(player.module, parameters, config.ema))

    def active(self, learns: bool) -> None:
        """Whether gradients reach this player's parameters."""
        for parameter in self.parameters.values():
            parameter.requires_grad_(learns)

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor that decides how training goes on, by name."""
        for name, tensor in self.player.module.state_dict().items():
            yield f"weights/{name}", tensor
        for name, tensor in self.ema.state().items():
            yield f"ema/{name}", tensor
        for name, parameter in self.parameters.items():
            for moment, tensor in _moments(self.optimizer, parameter).items():
                yield f"{moment}/{name}", tensor

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over what ``state`` yielded."""
        for name, tensor in self.state():
            tensor.copy_(state[name])


def _optimizer(parameters: Mapping[str, nn.Parameter], config: TrainingConfig) -> torch.optim.AdamW:
    groups = [
        {"params": [p for p in parameters.values() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters.values() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, fused=True)


def _moments(optimizer: torch.optim.AdamW, parameter: nn.Parameter) -> dict[str, Tensor]:
    """AdamW's state of one parameter, begun as AdamW would begin it."""
    if not optimizer.state[parameter]:
        optimizer.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
        }
    moments: dict[str, Tensor] = optimizer.state[parameter]
    return moments
