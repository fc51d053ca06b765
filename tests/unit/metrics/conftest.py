"""Features drawn from a seed, and what other implementations say of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from unit.metrics.given import features


@pytest.fixture(scope="session")
def golden() -> dict:
    """Figures written by make_golden.py."""
    return json.loads(Path(__file__).with_name("golden.json").read_text())


@pytest.fixture(scope="session")
def real() -> Tensor:
    """(200, 24)."""
    return torch.from_numpy(features()[0])


@pytest.fixture(scope="session")
def fake() -> Tensor:
    """(180, 24)."""
    return torch.from_numpy(features()[1])
