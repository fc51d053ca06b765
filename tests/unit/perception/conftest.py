from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from misen.perception.objective import facing_of
from misen.perception.reading import Reading
from misen.scene.attributes import ATTRIBUTES
from misen.scene.observation import Observation
from misen.scene.record import Record
from misen.scene.truth import Truth


@pytest.fixture
def truth() -> Truth:
    """Twelve avatars whose facts are arbitrary but consistent in shape and range."""
    draws = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(12, *shape, generator=draws)

    values = [torch.randint(len(attribute), (12,), generator=draws) for attribute in ATTRIBUTES]
    record = Record(
        seed=torch.arange(12),
        identity=uniform(20),
        expression=uniform(12),
        attributes=torch.stack(values, dim=1),
        camera=torch.cat([uniform(1) * 6 - 3, uniform(2) - 0.5, uniform(2) + 4], dim=1),
        light=uniform(4),
        detail=uniform(8),
    )
    blocks = torch.randint(17, (12, 8, 8), generator=draws, dtype=torch.uint8)
    observation = Observation(
        image=uniform(3, 64, 64) * 2 - 1,
        alpha=uniform(1, 64, 64),
        segmentation=blocks.repeat_interleave(8, dim=1).repeat_interleave(8, dim=2),
        depth=uniform(1, 64, 64),
        normals=torch.empty(12, 0),
        surface=torch.empty(12, 0),
        part=torch.empty(12, 0),
        landmarks=uniform(32, 2),
        landmarks_visible=uniform(32) > 0.3,
        attributes_visible=uniform(16) > 0.3,
    )
    return Truth(record, observation, uniform(1, 64, 64), uniform(3, 64, 64) * 2 - 1)


def say_everything(truth: Truth) -> Reading:
    """What an infallible observer would say."""
    seen, record = truth.observation, truth.record
    columns = enumerate(ATTRIBUTES)
    values = torch.cat([functional.one_hot(record.attributes[:, i], len(attribute)) for i, attribute in columns], dim=1)
    return Reading(
        attributes=100.0 * values,
        segmentation=100.0 * functional.one_hot(seen.segmentation.long(), 17).movedim(-1, 1),
        landmarks=seen.landmarks,
        landmarks_visible=200.0 * seen.landmarks_visible - 100,
        camera=record.camera[:, :3] + torch.tensor([2 * math.pi, 0, 0]),
        facing=100.0 * functional.one_hot(facing_of(record.camera[:, 0]), 3),
        depth=seen.depth,
        identity=functional.one_hot(torch.arange(len(truth)), 64).float(),
        expression=record.expression,
        features=torch.zeros(len(truth), 256),
        pyramid=(),
    )


@pytest.fixture
def perfect() -> Callable[[Truth], Reading]:
    """A truth's perfect reading."""
    return say_everything
