from __future__ import annotations

import pytest
import torch

from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings

SETTINGS = StyleSettings(
    draws=6, width=8, mapping_layers=2, channels=(12, 8), encoder_widths=(8, 8), encoder_units=(0, 0), summary=4
)
"""Pictures of 16 pixels."""


@pytest.fixture
def networks() -> StyleNetworks:
    """Learning, and every weight different from zero, so that nothing is hidden by an initialisation to nothing."""
    torch.manual_seed(0)
    networks = StyleNetworks(SETTINGS)
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        networks.mapping.settle(torch.randn(1000, SETTINGS.draws))
    return networks.half().float()


@pytest.fixture
def generator(networks) -> StyleGenerator:
    """The same, frozen."""
    return StyleGenerator(networks.requires_grad_(False).eval())
