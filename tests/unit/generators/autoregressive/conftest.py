from __future__ import annotations

import pytest
import torch

import sequences
from misen.core.condition import Condition
from misen.generators.autoregressive.folder import AnyGenerator
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.raster import RasterNetwork


@pytest.fixture
def raster() -> RasterNetwork:
    return sequences.network("raster")


@pytest.fixture
def masked() -> MaskedNetwork:
    return sequences.network("masked")


@pytest.fixture(params=["raster", "masked"])
def generator(request) -> AnyGenerator:
    """Either."""
    return sequences.generator(request.param)


@pytest.fixture
def conditions() -> dict[str, Condition]:
    """Of two items: the second has no words, the first no map, both a view; one word of the first does not count."""
    random = torch.Generator().manual_seed(3)
    words = Condition.full("tokens", torch.randn(2, 6, 5, generator=random), torch.tensor([[True] * 5 + [False]] * 2))
    lines = Condition.full("map", torch.rand(2, 2, 16, 16, generator=random))
    return {
        "words": words.where(torch.tensor([True, False])),
        "lines": lines.where(torch.tensor([False, True])),
        "view": Condition.full("vector", torch.randn(2, 3, generator=random)),
    }
