"""Every generator and sampler the batteries run on: toy families, real ones in miniature, and the models that ship."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch

import aligned
import sequences
import talkers
import translators
from misen import assembly
from misen.codecs.autoencoder import KLAutoencoder
from misen.core.generator import Generator, Sampler
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.samplers import SAMPLERS
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings
from misen.generators.gan.samplers import SAMPLERS as WALKS
from misen.generators.gan.stacked.conditioning import WordsPort
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.stacked.network import StackedNetwork, StackedSettings
from misen.nn.description import read_card
from toys import TOYS

SHIPPED = [assembly.model_name(f) for f in assembly.model_folders() if "family" in read_card(f)]
STEPS = 4


@cache
def opened(name: str) -> assembly.Opened:
    return assembly.open_model(name)


@cache
def small_diffusion() -> DiffusionGenerator:
    """Latent diffusion on 16 x 16 pictures with random weights everywhere, so that every port matters."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = DenoiserSettings(channels=(16, 16), heads=2, groups=2, tokens=8, latent_size=4).unet()
        table = [
            PortSettings("stock", "tokens", 8, length=64),
            PortSettings("tokens", "tokens", 5),
            PortSettings("map", "map", 2),
            PortSettings("vector", "vector", 3),
        ]
        denoiser = Denoiser(unet, table, stride=4)
        autoencoder = KLAutoencoder(4, (3, 16, 16), (1, 1), (1, 1))
        for module in (denoiser, autoencoder):
            for parameter in module.requires_grad_(False).eval().parameters():
                parameter += 0.05 * torch.randn_like(parameter)
        return DiffusionGenerator(denoiser, autoencoder)


@cache
def small_gan() -> StyleGenerator:
    """A style-based generator of 16 x 16 pictures with random weights everywhere, so that noise and offsets matter."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = StyleNetworks(StyleSettings(6, 8, 2, (12, 8), (8, 8), (0, 0), 4)).requires_grad_(False).eval()
        for parameter in networks.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        networks.mapping.settle(torch.randn(1000, 6))
        return StyleGenerator(networks)


@cache
def small_stacked() -> StackedGenerator:
    """A generator in two stages, up to 16 x 16, that is told words and traits; its weights are random everywhere."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = StackedSettings(draws=8, width=8, mapping_layers=2, channels=(8, 8), stages=2, heads=2)
        network = StackedNetwork(settings, [WordsPort("words", 6, 64), WordsPort("traits", 5, 16)])
        for parameter in network.requires_grad_(False).eval().parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        network.settle(torch.randn(1000, network.inputs))
        return StackedGenerator(network)


SMALL = {
    "small diffusion": (small_diffusion, SAMPLERS),
    "small gan": (small_gan, WALKS),
    "small gan in styles": (cache(lambda: small_gan().in_styles()), WALKS),
    "small aligned gan": (cache(aligned.aligned_gan), WALKS),
    "small stacked": (small_stacked, WALKS),
    "small talker": (cache(talkers.generator), WALKS),
    "small translator": (cache(translators.generator), WALKS),
    "small matcher": (cache(partial(translators.generator, translators.MATCHED)), WALKS),
    "small raster": (cache(partial(sequences.generator, "raster")), sequences.walks("raster")),
    "small masked": (cache(partial(sequences.generator, "masked")), sequences.walks("masked")),
}


def generator(name: str) -> Generator:
    """A toy, a miniature, or a model that ships."""
    if name in TOYS:
        return TOYS[name][0]()
    return SMALL[name][0]() if name in SMALL else opened(name).generator


def samplers(name: str) -> dict[str, Callable[[int], Sampler]]:
    """From a number of steps to a sampler, by name."""
    if name in TOYS:
        return {name: TOYS[name][1]}
    return dict(SMALL[name][1] if name in SMALL else opened(name).samplers)


GENERATORS = [*TOYS, *SMALL, *SHIPPED]
"""Names."""
