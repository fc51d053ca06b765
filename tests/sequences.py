"""Models of tokens in miniature: pictures of 16 pixels, 4 x 4 cells, 24 codes, three ports."""

from __future__ import annotations

import torch

from misen.codecs.quantized import VQAutoencoder
from misen.generators.autoregressive.folder import KINDS, AnyGenerator
from misen.generators.autoregressive.masked import MaskedNetwork
from misen.generators.autoregressive.network import NetworkSettings
from misen.generators.autoregressive.prefix import PortSettings
from misen.generators.autoregressive.raster import RasterNetwork
from misen.generators.autoregressive.samplers import Samplers
from misen.generators.autoregressive.tokenizer import Tokenizer

CODES, SIDE, CELLS = 24, 4, 16
SETTINGS = NetworkSettings(codes=CODES, stride=4, side=SIDE, width=32, layers=2, heads=2, context=128)
TABLE = [PortSettings("words", "tokens", 5), PortSettings("lines", "map", 2), PortSettings("view", "vector", 3)]


def random_weights(module: torch.nn.Module) -> torch.nn.Module:
    """Frozen, and every weight different from zero, so that nothing is hidden by an initialisation to nothing."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
    return module.half().float().requires_grad_(False).eval()


def codec(groups: int = 1) -> VQAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        settings = {"kind": "simvq", "codes": CODES, "groups": groups}
        return random_weights(VQAutoencoder(settings, 4, (3, 8, 8), (1, 1), (1, 1)))


def network(kind: str = "raster") -> RasterNetwork | MaskedNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return random_weights(KINDS[kind][0](SETTINGS, TABLE))


def generator(kind: str = "raster") -> AnyGenerator:
    return KINDS[kind][1](network(kind), Tokenizer(codec()))


def walks(kind: str = "raster") -> Samplers:
    """The samplers of a generator."""
    return Samplers(KINDS[kind][1].walks, CELLS, CODES)


def some_tokens(rows: int = SIDE, columns: int = SIDE, batch: int = 2) -> torch.Tensor:
    return torch.randint(CODES, (batch, rows, columns), generator=torch.Generator().manual_seed(4))
