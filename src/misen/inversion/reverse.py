"""Reversal: a deterministic sampler run backwards, from a picture to the noise that it would be made from.

Source: Song et al. 2020 (arXiv:2010.02502), section 5.4; Pan et al. 2023 (arXiv:2309.04907), for refining steps as
fixed points; deviation: without acceleration, since the samplers seek the point where it contracts by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from misen.core.errors import NotFinite
from misen.core.generator import Generator, Sampler, State
from misen.core.shapes import Images, PerItem
from misen.inversion.way import Watch, Way, unwatched
from misen.metrics.fidelity import psnr
from misen.synthesis.mix import Conditions
from misen.synthesis.plan import Plan

REFINEMENTS = 4
"""Times that each step back is refined; it costs as many predictions more."""


@dataclass(frozen=True)
class Fidelity:
    """How well sampling from an inverted state rebuilds a picture; NaN where there is no encoder to compare with.

    Attributes:
        picture: (B,) PSNR in dB of the rebuilt pictures to the given ones.
        codec: (B,) PSNR in dB of the rebuilt pictures to the given ones as encoded and decoded, all that a walk in the
            generator's space can reach.
        ceiling: (B,) PSNR in dB of the pictures as encoded and decoded to the given ones.
    """

    picture: PerItem
    codec: PerItem
    ceiling: PerItem


@dataclass(frozen=True)
class Inversion:
    """Pictures walked back.

    Attributes:
        state: at the first level of the walk; sampling from it under the same plan rebuilds the pictures.
        trajectory: the states before each level, ``state`` first, and the encoded pictures last.
        images: (B, 3, H, W) in [-1, 1], the rebuilt pictures.
        fidelity: how well they are rebuilt.
        nulls: by level what takes the place of "nothing is given"; empty where that stays what it is.
        network: parameters that were tuned, by name; empty where the generator stays what it is.
    """

    state: State
    trajectory: tuple[State, ...] = field(repr=False)
    images: Images = field(repr=False)
    fidelity: Fidelity
    nulls: tuple[Conditions, ...] = field(default=(), repr=False)
    network: Mapping[str, Tensor] = field(default_factory=dict, repr=False)


@torch.no_grad()
def invert(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    image: Images,
    *,
    refinements: int = REFINEMENTS,
    watch: Watch = unwatched,
    device: torch.device | str = "cpu",
) -> Inversion:
    """Walk pictures back under a plan.

    Args:
        generator: can begin from a picture.
        sampler: can be reversed.
        plan: what guides; large guidance scales rebuild worse.
        image: (B, 3, H, W) in [-1, 1].
        refinements: of each step; 0 is plain reversal, which keeps the answer of the state it came from.
        watch: told how much is done.
        device: where the generator's parameters are.

    Raises:
        Unreachable: generator, sampler or plan allow no way back.
        NotFinite: the rebuilt picture holds NaN or infinity.
    """
    way = Way.of(generator, sampler, plan, len(image), device)
    trajectory = way.back(way.encode(image), refinements, watch)
    return arrived(way, image, trajectory, way.forth(trajectory[0]))


def arrived(
    way: Way, image: Images, trajectory: tuple[State, ...], end: State, nulls: tuple[Conditions, ...] = ()
) -> Inversion:
    """The inversion of ``image`` (B, 3, H, W) whose resampling ended in ``end``."""
    rebuilt, codec = finite(way.generator.finish(end)), way.generator.finish(trajectory[-1])
    given = image.to(rebuilt.device)
    fidelity = Fidelity(psnr(rebuilt, given), psnr(rebuilt, codec), psnr(codec, given))
    return Inversion(trajectory[0], trajectory, rebuilt, fidelity, nulls)


def finite(images: Images) -> Images:
    """``images`` if all their values are finite; raises ``NotFinite``."""
    if not torch.isfinite(images).all():
        hint = "lower the guidance scale or the strengths"
        raise NotFinite("the rebuilt picture holds NaN or infinity", hint=hint)
    return images
