"""Directions: how the joint embedding of a picture moves with each channel of S, and which move it as words do.

Source: Patashnik et al. 2021 (arXiv:2103.17249), section 6; deviation: effects are derivatives, not differences, since
one backward pass tells that of all channels on one coordinate, where differences take two pictures for each channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misen.core.errors import InputError, ModelFileError
from misen.nn import weights

KIND = "styleclip-direction"
"""What the card of such a folder says."""


@dataclass(frozen=True)
class Directions:
    """What is known of the channels of S.

    Attributes:
        effects: (S, D) mean unit direction in the joint embedding in which each channel moves a picture; short where
            different pictures move in different directions.
        deviations: (S,) standard deviation of each channel over the generator's own pictures.
    """

    effects: Tensor
    deviations: Tensor

    def towards(self, wanted: Tensor, beta: float) -> Tensor:
        """(S,) the change of all channels that moves pictures as words do.

        Args:
            wanted: (D,) unit vector in the joint embedding.
            beta: channels whose effect has a smaller cosine with it stay as they are.

        Raises:
            InputError: no channel is left.
        """
        relevance = self.effects @ wanted
        chosen = torch.where(relevance.abs() >= beta, relevance, 0.0)
        largest = chosen.abs().max()
        if largest == 0:
            hint = f"the largest that would leave one is {float(relevance.abs().max()):.3f}"
            raise InputError(f"no channel moves pictures that way by beta {beta:g}", field="method", hint=hint)
        return self.deviations * chosen / largest

    def save(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Write a folder; raises ``StorageError``."""
        tensors = {"effects": self.effects.half(), "deviations": self.deviations.half()}
        weights.save_tensors(tensors, folder, {"kind": KIND, **card})

    @classmethod
    def read(cls, folder: Path) -> Directions:
        """What a folder holds; raises ``NotFoundError``, and ``ModelFileError`` for other folders."""
        card = weights.read_card(folder)
        tensors = weights.read_tensors(folder / weights.WEIGHTS, card["sha256"])
        if card.get("kind") != KIND or set(tensors) != {"effects", "deviations"}:
            hint = "measure them with misen.recipes.build_directions"
            raise ModelFileError(f"{folder} holds no directions", field=str(folder), hint=hint)
        return cls(tensors["effects"].float(), tensors["deviations"].float())
