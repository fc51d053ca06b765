"""An installation in miniature: every network there is, with random weights, in folders like those that ship."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from misen import assembly
from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.registry import stills
from misen.generators.diffusion import folder as diffusion
from misen.generators.diffusion.denoiser import Denoiser, DenoiserSettings
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.ports import PortSettings
from misen.generators.diffusion.upscaler.enlargement import Upscaler
from misen.generators.diffusion.upscaler.network import NetworkSettings, UpscalingNetwork
from misen.generators.gan import folder as gan
from misen.generators.gan.generator import StyleGenerator
from misen.nn import weights
from misen.perception import coach, judge
from misen.perception.hearing import hearing_a, hearing_b
from misen.perception.joint import joint_a, joint_b
from misen.perception.observer import observer_a, observer_b

SIZE = 64
STOCK = {"text": 64}
"""Tokens of the sequence that enters as it is."""
BUILT: list[Path] = []
FOLDER = "MISEN_TINY_WEIGHTS"
"""Environment variable: where ``python tests/tiny.py ...`` finds the installation."""


def install(root: Path, change: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let the package find its models under ``root``; ``change`` sets attributes, as ``monkeypatch.setattr`` does."""
    change(assembly, "WEIGHTS", root)
    change(weights, "SHIPPED", root)
    forget()


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation; built once, in however many conftests this fixture is known."""
    if not BUILT:
        BUILT.append(tmp_path_factory.mktemp("installation"))
        with pytest.MonkeyPatch.context() as patch:
            build(BUILT[0], patch.setattr)
        forget()
    return BUILT[0]


@pytest.fixture
def installed(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package finds the models of the installation, and nothing else."""
    install(tiny_weights, monkeypatch.setattr)
    yield tiny_weights
    forget()


def with_gan(installation: Path, root: Path) -> Path:
    """The same installation under ``root``, and a style-based generator of 16 pixels besides."""
    from families import small_gan

    shutil.copytree(installation, root, dirs_exist_ok=True)
    card = {"name": "avatars/gan", "licence": "none", "sampler": "walk", "steps": 2, "guidance_scale": 1.0}
    gan.save(StyleGenerator(small_gan().networks, card), root / "avatars" / "gan")
    return root


def upscaler(small: int) -> Upscaler:
    """An upscaler with random weights, to four times the size."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = UpscalingNetwork(NetworkSettings(channels=(4,), units=(1,), embedding=4))
        for parameter in network.requires_grad_(False).parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return Upscaler(network, small)


def install_upscaler(monkeypatch: pytest.MonkeyPatch, small: int, sha256: str = "cd" * 32) -> None:
    """The package finds an upscaler of pictures of ``small`` pixels."""
    opened = assembly.OpenedUpscaler("avatars/upscaler", upscaler(small), sha256)
    monkeypatch.setattr(assembly, "open_upscaler", lambda device: opened)


def forget() -> None:
    """Drop every network that was opened before."""
    for side in (coach, judge):
        for remembered in (side.observer, side.joint, side.hearing, side.sync):
            remembered.cache_clear()
    for remembered in (assembly.encoders, assembly.energies, assembly.judges):
        remembered.cache_clear()


def build(root: Path, change: Callable[[Any, str, Any], None] = setattr) -> None:
    """Write all models; the encoders of the diffusion model are built from the networks written first."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = {
            "observer-a": observer_a, "observer-b": observer_b, "joint-a": joint_a, "joint-b": joint_b,
            "hearing-a": hearing_a, "hearing-b": hearing_b,
        }  # fmt: skip
        for name, network in networks.items():
            weights.save(network(), root / name, {"name": name, "licence": "none"})
        install(root, change)
        diffusion.save(_generator(), root / "avatars" / "diffusion")


def _generator() -> DiffusionGenerator:
    """A model with a native port for every modality that one picture shows."""
    table = [_port(name) for name in stills()]
    unet = DenoiserSettings(channels=(16, 16), heads=2, groups=2, tokens=192, latent_size=SIZE // 4).unet()
    denoiser = Denoiser(unet, table, stride=4)
    autoencoder, tiny = KLAutoencoder(4, (3, 16, 16), (1, 1), (1, 1)), TinyDecoder(4, (3, 8, 8), (0, 1))
    for module in (denoiser, autoencoder, tiny):
        for parameter in module.requires_grad_(False).eval().parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    card = {
        "name": "avatars/diffusion", "family": "diffusion", "licence": "none",
        "sampler": "dpm++2m", "steps": 3, "guidance_scale": 2.0,
    }  # fmt: skip
    return DiffusionGenerator(denoiser, autoencoder, tiny, card=card)


def _port(name: str) -> PortSettings:
    encoder = assembly.encoders()[name]
    layout = encoder.layouts[0]
    return PortSettings(name, layout, encoder.width(layout), STOCK.get(name, 0))


if __name__ == "__main__":
    from misen.cli.entry import main

    install(Path(os.environ[FOLDER]))
    sys.exit(main())
