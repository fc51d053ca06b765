"""Enlarge: the same loop a second time, over pictures that are finished, with nothing that guides."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.image import from_bytes, to_bytes
from misen.core.seeding import Streams, derive
from misen.core.shapes import Images
from misen.core.upscaler import Upscaler
from misen.synthesis.loop import synthesize
from misen.synthesis.plan import plan, stages

PURPOSE = "enlarge"
"""What the seed of each picture is derived for."""


def evaluations(upscaler: Upscaler) -> int:
    """Evaluations of its network per picture."""
    sampler = upscaler.sampler()
    return stages(sampler) * len(sampler.levels(guided=False))


def enlarge(
    upscaler: Upscaler, images: Images, seeds: Sequence[int], device: torch.device | str = "cpu"
) -> Float[Tensor, "batch 3 size size"]:
    """Make small pictures large.

    Args:
        upscaler: its parameters are on ``device``.
        images: (B, 3, small, small) in [-1, 1]; what a file would hold of them is what counts.
        seeds: one per picture; picture k depends on ``images[k]`` and ``seeds[k]`` alone.
        device: where it is computed.

    Returns:
        (B, 3, size, size) in [-1, 1].

    Raises:
        NotFinite: when a step overflows in float32 too.
    """
    derived = [derive(seed, PURPOSE) for seed in seeds]
    generator = upscaler.over(from_bytes(to_bytes(images)).to(device), Streams(derived, device=device))
    sampler = upscaler.sampler()
    free = plan(generator, (), sampler=sampler, encoders={}, energies={})
    return synthesize(generator, sampler, free, seeds=derived, device=device).images
