"""Truth of the avatar world for training: pixels, sketch and exemplar of a record, and batches rendered on the fly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from misen.scene.attributes import COLUMN
from misen.scene.observe import observe
from misen.scene.record import Record
from misen.scene.renderer import render
from misen.scene.sampling import sample
from misen.scene.sketching import sketch
from misen.scene.truth import Truth

COMPANION = 1 << 44
"""Added to a record's seed to draw the pose, expression and light of its exemplar."""
EPOCH = 1 << 46
"""Added to a record's seed once per epoch, so that its words and hints vary."""


def tell_truth(record: Record, size: int = 64, supersample: int = 2) -> Truth:
    """Everything a modality can observe of ``record``, rendered at ``size`` pixels."""
    observation = observe(record, size, supersample)
    exemplar = render(companion(record), size, supersample)
    return Truth(record, observation, sketch(observation, record.seed), exemplar)


def companion(record: Record) -> Record:
    """The same people in another pose (yaw within 45 degrees), expression and light."""
    other = sample(record.seed + COMPANION, full_circle=0.0)
    attributes = record.attributes.clone()
    column = COLUMN["expression"]
    attributes[:, column] = other.attributes[:, column]
    return replace(
        record, attributes=attributes, expression=other.expression, camera=other.camera, light=other.light
    )


class RenderedWorld:
    """Batches rendered when they are asked for; every step sees new avatars until the split is used up.

    Args:
        seeds: (N,) the seeds of a split.
        batch_size: avatars per step.
        device: where the renderer works.
        size: pixels.
    """

    def __init__(self, seeds: Tensor, batch_size: int, device: torch.device | str = "cpu", size: int = 64) -> None:
        self._seeds, self._batch_size, self._device, self._size = seeds, batch_size, torch.device(device), size

    @property
    def fingerprint(self) -> str:
        """The seeds' range and the size."""
        return f"rendered:{int(self._seeds[0])}:{len(self._seeds)}:{self._size}"

    def __call__(self, step: int) -> Mapping[str, Any]:
        """``truth`` of the step's avatars and ``seeds`` (B,) int64 for what is told of them."""
        epoch, position = divmod(step, len(self._seeds) // self._batch_size)
        start = position * self._batch_size
        seeds = self._seeds[start : start + self._batch_size].to(self._device)
        return {"truth": tell_truth(sample(seeds), self._size), "seeds": seeds + epoch * EPOCH}
