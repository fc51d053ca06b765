from __future__ import annotations

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.condition import Condition
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings

WIDTH, LENGTH = 16, 8
TABLE = [
    PortSettings("words", "tokens", WIDTH, LENGTH),
    PortSettings("triples", "tokens", 5),
    PortSettings("lines", "map", 1),
    PortSettings("parts", "map", 3),
    PortSettings("traits", "vector", 6),
]


def text_model() -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=40,
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        bos_token_id=38,
        eos_token_id=39,
        pad_token_id=39,
    )
    return CLIPTextModel(config).eval()


def randomised(module: torch.nn.Module) -> torch.nn.Module:
    """Every weight different from zero, so that nothing is hidden by an initialisation to nothing."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return module.half().float()


@pytest.fixture
def generator() -> DiffusionGenerator:
    torch.manual_seed(0)
    codec = KLAutoencoder(4, (3, 8, 8), (1, 1), (1, 1), scaling_factor=0.7)
    settings = DenoiserSettings(channels=(16, 32), heads=2, groups=4, tokens=WIDTH, latent_size=8)
    denoiser = Denoiser(settings.unet(), TABLE, codec.stride)
    denoiser.set_null(torch.randn(LENGTH, WIDTH))
    tiny = TinyDecoder(4, (3, 8, 8), (0, 1))
    for part in (codec, denoiser, tiny):
        randomised(part).eval().requires_grad_(False)
    return DiffusionGenerator(denoiser, codec, tiny, companions={"text_encoder": text_model()})


def _condition(port: PortSettings, batch: int) -> Condition:
    draw = torch.Generator().manual_seed(len(port.name))
    shapes = {
        "map": (batch, port.width, 32, 32),
        "vector": (batch, port.width),
        "tokens": (batch, port.length or 3, port.width),
    }
    value = torch.randn(shapes[port.layout], generator=draw)
    mask = torch.ones(value.shape[:2], dtype=torch.bool) if port.layout == "tokens" else None
    return Condition.full(port.layout, value, mask)


@pytest.fixture
def condition():
    """A random condition for a port, by its name and the batch's length."""
    return lambda name, batch: _condition(next(port for port in TABLE if port.name == name), batch)


@pytest.fixture
def conditions():
    """A random condition for every port, by the batch's length."""
    return lambda batch: {port.name: _condition(port, batch) for port in TABLE}
