"""The synthesis network beside that of a public package, stylegan2-pytorch, whose layers are made of equal size.

Both have two modulated 3x3 convolutions of 128 channels at 4, 8, 16 and 32 places a side, and random weights. The
package asks for a GPU and for much that training takes as soon as it is imported; its generator needs neither, so that
stand-ins will do, and these three can lie in a folder of their own, besides whatever else is installed:
``pip install --no-deps --target out/peers stylegan2-pytorch kornia kornia-rs``, then
``PYTHONPATH=src:out/peers python -m benchmarks stylegan``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import MagicMock, patch

import torch

from benchmarks.timing import Effort, Row, exactly, median, seconds
from misen.core.errors import NotFoundError
from misen.generators.gan.synthesis import SynthesisNetwork
from misen.nn.modulated import ModulatedConv
from misen.recipes.train_tiny_decoder import gflop

WIDTH, SIDES, LATENT = 128, (4, 8, 16, 32), 512
CAPACITY = WIDTH // 2
"""By which the package counts: channels double from the finest layer to the coarsest, and are cut at ``WIDTH``."""
BATCHES = (1, 8)
BESIDES = ("aim", "einops", "fire", "torchvision", "vector_quantize_pytorch")
"""What the package imports, and its generator has no use for."""


def package() -> Any:
    """The package's module; raises ``NotFoundError`` if it cannot be imported."""
    try:
        importlib.import_module("kornia.filters")
        stand_ins = {name: MagicMock() for name in BESIDES}
        with patch.dict(sys.modules, stand_ins), patch.object(torch.cuda, "is_available", lambda: True):
            return importlib.import_module("stylegan2_pytorch.stylegan2_pytorch")
    except ImportError as absent:
        message = f"stylegan2-pytorch cannot be imported: {absent}"
        hint = "install it and kornia into a folder of their own, and name that in PYTHONPATH"
        raise NotFoundError(message, field="stylegan2-pytorch", hint=hint) from absent


def theirs(module: Any, batch: int) -> Any:
    """A pass through the package's generator, without arguments."""
    network = module.Generator(image_size=SIDES[-1], latent_dim=LATENT, network_capacity=CAPACITY, fmap_max=WIDTH)
    latents = torch.randn(batch, network.num_layers, LATENT)
    return partial(network.eval(), latents, torch.rand(batch, SIDES[-1], SIDES[-1], 1))


def ours(batch: int) -> Any:
    """A pass through our synthesis network."""
    network = SynthesisNetwork([WIDTH] * len(SIDES), LATENT).eval()
    return partial(network, torch.randn(batch, network.layers, LATENT), torch.randn(batch, network.inputs))


def convolutions(make: Any, batch: int) -> Any:
    """All 3x3 convolutions alone, each on maps of its own size."""
    layers = [(make(), torch.randn(batch, WIDTH, side, side)) for side in SIDES for _ in range(2)]
    style = torch.randn(batch, WIDTH)
    return lambda: [layer(maps, style) for layer, maps in layers]


@torch.inference_mode()
def rows(effort: Effort) -> Iterator[Row]:
    """Milliseconds and arithmetic of a forward pass, and ratios, for one picture and for several; one thread."""
    module, threads = package(), torch.get_num_threads()
    torch.set_num_threads(1)
    for batch in BATCHES:
        own, other = ours(batch), theirs(module, batch)
        fast, slow = seconds(effort, own, other)
        alone = (
            convolutions(partial(ModulatedConv, WIDTH, WIDTH), batch),
            convolutions(partial(module.Conv2DMod, WIDTH, WIDTH, 3), batch),
        )
        fast_alone, slow_alone = seconds(effort, *alone)
        yield Row(f"synthesis, {batch} at once, ours", median(1000 * fast), "ms")
        yield Row("  arithmetic, stylegan2-pytorch / ours", exactly(gflop(other) / gflop(own)), "x")
        yield Row("  time, stylegan2-pytorch / ours", median(slow / fast), "x", ">= 1.3")
        yield Row("  time of the modulated convolutions alone", median(slow_alone / fast_alone), "x")
    torch.set_num_threads(threads)
