"""Translating networks of 16 pixels: one that is told maps and a vector, and one that matches exemplars."""

from __future__ import annotations

import torch

from misen.core.condition import Condition
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.network import NetworkSettings, Table, TranslationNetwork

SIZE = 16
SMALL = NetworkSettings(widths=(8, 6), hidden=4, field=4, style=3, domain=6, depth=1)
TOLD = Table(maps={"tint": 3, "lines": 1}, vectors={"shade": 3}, exemplar="")
MATCHED = Table(maps={"tint": 3}, vectors={}, exemplar="face")


def network(table: Table = TOLD, settings: NetworkSettings = SMALL) -> TranslationNetwork:
    """An untrained network, whose residual units say something."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = TranslationNetwork(settings, table)
        for parameter in made.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    return made


def generator(table: Table = TOLD, settings: NetworkSettings = SMALL) -> TranslationGenerator:
    """The same, frozen."""
    return TranslationGenerator(network(table, settings).requires_grad_(False).eval(), {"name": "small"})


def some_map(width: int, batch: int = 2, *, seed: int = 0, size: int = SIZE) -> Condition:
    """A map at random for every item."""
    return Condition.full("map", torch.rand(batch, width, size, size, generator=torch.Generator().manual_seed(seed)))


def some_vector(batch: int = 2) -> Condition:
    """A vector of three numbers at random for every item."""
    return Condition.full("vector", torch.randn(batch, 3, generator=torch.Generator().manual_seed(5)))
