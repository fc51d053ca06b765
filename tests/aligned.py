"""An aligned generator of 16 x 16 pictures, with experts who see colors as maps and as tokens."""

from __future__ import annotations

import torch

from misen.generators.gan.alignment.folder import built
from misen.generators.gan.alignment.generator import AlignedGenerator
from misen.generators.gan.alignment.readers import AlignmentSettings
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings
from toys import TintEncoder

SETTINGS = AlignmentSettings(widths=(8, 8), units=(0, 0), summary=4, words=8, looks=2, hidden=16)
PORTS = {"tint": {"layout": "map", "width": 3}, "shade": {"layout": "tokens", "width": 3}}
ENCODERS = {name: TintEncoder() for name in PORTS}


def bare_gan() -> StyleGenerator:
    """The generator alone, with random weights everywhere."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = StyleNetworks(StyleSettings(6, 8, 2, (12, 8), (8, 8), (0, 0), 4)).requires_grad_(False).eval()
        for parameter in networks.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        networks.mapping.settle(torch.randn(1000, 6))
        return StyleGenerator(networks)


def untrained(base: StyleGenerator | None = None) -> AlignedGenerator:
    """Experts as they begin, who count from the latents of pictures at random."""
    base = base or bare_gan()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        alignment = built(base, SETTINGS, PORTS)
        with torch.no_grad():
            alignment.coordinates.settle(base.encode(torch.rand(64, 3, base.size, base.size) * 2 - 1))
    return AlignedGenerator(base.networks, alignment, base.card, {"name": "aligned"})


def aligned_gan(base: StyleGenerator | None = None) -> AlignedGenerator:
    """Frozen experts with random weights everywhere, so that each of them says something of every layer."""
    made = untrained(base)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in made.alignment.requires_grad_(False).eval().parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    made.alignment.half().float()
    return made
