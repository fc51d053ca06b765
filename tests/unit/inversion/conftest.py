"""Latent diffusion in miniature with a port for toy wishes, and pictures it could have encoded."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from families import small_diffusion
from misen.core.guidance import Guidance
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.samplers import Ddim
from misen.synthesis import Plan, plan
from toys import ENCODERS, energies, port, tint

STEPS = 4


@pytest.fixture
def generator() -> DiffusionGenerator:
    """Its port ``vector`` takes tints."""
    small: Any = copy.copy(small_diffusion())
    small.ports = {"vector": port("tint")}
    return small


@pytest.fixture
def sampler() -> Ddim:
    return Ddim(STEPS)


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def tinted(generator: DiffusionGenerator, sampler: Ddim):
    """``tinted(scale)`` plans a walk guided by a tint; without a scale nothing guides."""

    def planned(scale: float | None = None, route: str = "auto") -> Plan:
        wishes = [] if scale is None else [Guidance(signal=tint((3.0, 2.0, -3.0)), route=route)]
        return plan(generator, wishes, sampler=sampler, encoders=ENCODERS, energies=energies(), scale=scale or 1.0)

    return planned
