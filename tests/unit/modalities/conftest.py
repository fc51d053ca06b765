"""A few avatars with everything that is true of them."""

from __future__ import annotations

import pytest
import torch

from misen.data.world import tell_truth
from misen.scene.sampling import sample
from misen.scene.truth import Truth


@pytest.fixture(scope="session")
def truth() -> Truth:
    return tell_truth(sample(torch.arange(500, 516), full_circle=0.0))
