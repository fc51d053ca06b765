"""How a prior learns: places of pictures, after captions that are read by the frozen text tower."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from misen.core.shapes import Scalar
from misen.generators.diffusion.unclip.prior import Prior
from misen.generators.diffusion.unclip.prompts import Prompts

Read = Callable[[Tensor], Prompts]
"""Ids (B, L) of captions -> what the text tower says of them."""


class PriorPlayer:
    """Batches hold "places" (B, 128) and "captions", their ids (B, L)."""

    name = "prior"

    def __init__(self, prior: Prior, read: Read) -> None:
        """``prior`` is a module."""
        assert isinstance(prior, nn.Module), "it learns"
        self.module: nn.Module = prior
        self.prior, self.read = prior, read

    def loss(self, batch: Mapping[str, Any], step: int) -> tuple[Scalar, Mapping[str, float]]:
        """The prior's own."""
        with torch.no_grad():
            prompts = self.read(batch["captions"])
        return self.prior.loss(prompts, batch["places"])
