"""Generators in miniature to which words are told, and what encodes these."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from misen.codecs.autoencoder import KLAutoencoder
from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.guidance import Guidance
from misen.core.port import Port
from misen.core.view import View
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.samplers import Ddim
from misen.modalities.text.signal import Text
from misen.perception.text import tokenizer
from misen.synthesis import plan
from toys import SIZE, Euler, ToyDiffusion

WIDTH, LENGTH, STEPS = 8, 64, 5


class Speller:
    """Reads words by the package's tokenizer, and knows one vector for each token."""

    layouts = ("tokens",)

    def __init__(self) -> None:
        self.tokenizer = tokenizer()
        self.vectors = torch.randn(len(self.tokenizer), WIDTH, generator=torch.Generator().manual_seed(0))

    def width(self, layout):
        return WIDTH

    def encode(self, signal, layout):
        found = self.tokenizer(list(signal.prompts), padding="max_length", truncation=True, return_tensors="pt")
        return Condition.full("tokens", self.vectors[found.input_ids], torch.ones_like(found.input_ids).bool())


@dataclass
class Foreign(ToyDiffusion):
    """Somebody else's U-Net, which paints pixels and knows nothing of us."""

    ports: dict = field(default_factory=lambda: {"text": Port("tokens", WIDTH, frozenset({"text"}))})

    def __post_init__(self) -> None:
        self.network = UNet2DConditionModel(
            sample_size=SIZE,
            in_channels=3,
            out_channels=3,
            block_out_channels=(16, 32),
            down_block_types=("CrossAttnDownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            attention_head_dim=8,
            norm_num_groups=4,
            cross_attention_dim=WIDTH,
        )

    def predict(self, state, level, conditions):
        words = conditions["text"].value if conditions else torch.zeros(len(state.x), LENGTH, WIDTH)
        return Estimate(self.network(state.x / (1 + level.sigma**2) ** 0.5, 500 * level.progress, words).sample, View)

    def finish(self, state):
        return state.x.clamp(-1, 1)


def _ours() -> DiffusionGenerator:
    unet = DenoiserSettings(channels=(16, 16), heads=2, groups=2, tokens=WIDTH, latent_size=8).unet()
    table = [PortSettings("text", "tokens", WIDTH, length=LENGTH), PortSettings("graph", "tokens", 5)]
    return DiffusionGenerator(Denoiser(unet, table, stride=4), KLAutoencoder(4, (3, 16, 16), (1, 1), (1, 1)))


GENERATORS = {"ours": (_ours, Ddim), "foreign": (Foreign, Euler)}


@pytest.fixture(params=GENERATORS)
def family(request):
    """A generator with random weights everywhere, and a sampler."""
    return _family(request.param)


@pytest.fixture
def ours():
    """The same, of our own family only."""
    return _family("ours")


def _family(name):
    build, sampler = GENERATORS[name]
    torch.manual_seed(0)
    generator = build()
    networks = [generator.network] if name == "foreign" else [generator.denoiser, generator.autoencoder]
    for network in networks:
        for parameter in network.requires_grad_(False).eval().parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return generator, sampler(STEPS)


@pytest.fixture(scope="session")
def speller() -> Speller:
    """The encoder of words."""
    return Speller()


@pytest.fixture
def tell(speller):
    """The plan of some prompts, by generator and sampler."""

    def told(generator, sampler, *prompts, scale=3.0, **others):
        wishes = [Guidance(signal=Text(prompt)) for prompt in prompts]
        encoders, nothing = {"text": speller}, {}
        return plan(generator, wishes, sampler=sampler, encoders=encoders, energies=nothing, scale=scale, **others)

    return told
