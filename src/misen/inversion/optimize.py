"""Optimization: the latents that make a given picture, sought by gradient, by the generator's own encoder, or by both.

For generators that walk, whose states are what they foresee. Nothing of one picture enters what is found for another.

Source: Abdal et al. 2019, Image2StyleGAN (arXiv:1904.03189), section 5, for the space of one latent per layer; Karras
et al. 2019, StyleGAN2 (arXiv:1912.04958), appendix D, for the beginning at the mean; Zhu et al. 2020
(arXiv:2004.00049), section 3.2, for the beginning at the encoder's, and for latents that stay in its domain; Loshchilov
& Hutter 2016 (arXiv:1608.03983), equation 5, for the rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.errors import InputError, Unreachable
from misen.core.generator import Annealing, Generator, Movable, Sampler, Startable, State
from misen.core.seeding import Streams
from misen.core.shapes import Images, PerItem, Points
from misen.inversion.likeness import USUAL, Likeness, Weights
from misen.inversion.reverse import Fidelity, Inversion, finite
from misen.inversion.way import Watch, require_unguided, unwatched
from misen.metrics.fidelity import psnr
from misen.perception import coach
from misen.synthesis.loop import guide
from misen.synthesis.plan import Plan

Space = Literal["w", "w+"]
"""One latent for all layers, or one for each."""
Beginning = Literal["mean", "encoder"]
"""Where a search begins."""
Errors = Callable[[Points], PerItem]
"""(B, ...) -> (B,) >= 0, differentiable."""
SPACES = get_args(Space)
SEEDS = 256
"""Whose latents are averaged."""
RATE = 0.05
"""Of Adam, at the beginning."""


@dataclass(frozen=True)
class Latents:
    """What pictures are made from, and how they are shown.

    Attributes:
        generator: shows them.
        state: any state, whose latents are replaced.
        show: latents (B, ...) to pictures (B, 3, H, W); differentiable.
        mean: (1, ...) of what the generator makes by itself.
    """

    generator: Generator
    state: Movable
    show: Callable[[Points], Images]
    mean: Points

    @classmethod
    def of(cls, generator: Generator, sampler: Sampler, plan: Plan, batch: int, device: torch.device | str) -> Latents:
        """The latents of ``batch`` pictures under a plan; raises ``Unreachable`` if there are none to be sought."""
        if not isinstance(sampler, Annealing):
            message = f"this model makes pictures of noise, step by step with {sampler.name}, not of latents"
            raise Unreachable(message, field="method", hint="walk the picture back, by ddim")
        require_unguided(plan)
        rng = Streams([0] * batch, device=device)
        predict, level = guide(generator, sampler, plan, [], rng), sampler.levels(guided=False)[0]
        drawn = _movable(generator.start(batch, rng))
        state = generator.restart(drawn.value, None, rng) if isinstance(generator, Startable) else drawn
        many = _movable(generator.start(SEEDS, Streams(range(SEEDS), device=device)))

        def show(point: Points) -> Images:
            return predict(state, level).view(point).image

        return cls(generator, state, show, many.value.mean(0, keepdim=True))

    def encode(self, image: Images) -> Points:
        """What the generator's encoder says of pictures; raises ``Unreachable`` if it has none."""
        if not isinstance(self.generator, Startable):
            hint = "latents are found without one, too: by optimize"
            raise Unreachable("this model has no encoder of pictures", field="method", hint=hint)
        return self.generator.encode(image)

    def found(self, image: Images, point: Points) -> Inversion:
        """The inversion of ``image`` (B, 3, H, W) that latents are."""
        state = self.state.at(point)
        rebuilt = finite(self.generator.finish(state))
        return Inversion(state, (state,), rebuilt, self._fidelity(rebuilt, image.to(rebuilt.device)))

    def _fidelity(self, rebuilt: Images, image: Images) -> Fidelity:
        """Beside the encoder's own picture, where there is an encoder; NaN where there is none."""
        if not isinstance(self.generator, Startable):
            nothing = psnr(rebuilt, image) * math.nan
            return Fidelity(psnr(rebuilt, image), nothing, nothing)
        encoded = self.generator.finish(self.state.at(self.generator.encode(image)))
        return Fidelity(psnr(rebuilt, image), psnr(rebuilt, encoded), psnr(encoded, image))


@torch.no_grad()
def optimize(
    generator: Generator,
    sampler: Sampler,
    plan: Plan,
    image: Images,
    *,
    begin: Beginning = "mean",
    steps: int = 500,
    space: Space = "w+",
    rate: float = RATE,
    weights: Weights = USUAL,
    watch: Watch = unwatched,
    device: torch.device | str = "cpu",
) -> Inversion:
    """Find the latents of pictures.

    Args:
        generator: makes pictures of latents.
        sampler: walks.
        plan: what guides while they are made.
        image: (B, 3, H, W) in [-1, 1].
        begin: at the mean of the generator's own latents, or at what its encoder says.
        steps: updates; 0 leaves the beginning as it is.
        space: in which is sought.
        rate: of learning, falling to 0 along a cosine.
        weights: of what a picture should share with the given one.
        watch: told how much is done.
        device: where the generator's parameters are.

    Raises:
        InputError: the space needs one latent per layer, and there is only one.
        Unreachable: the generator has no latents to be sought, or no encoder to begin with, or an energy guides.
        NotFinite: the rebuilt picture holds NaN or infinity.
    """
    image = image.to(device)
    latents = Latents.of(generator, sampler, plan, len(image), device)
    start = latents.encode(image) if begin == "encoder" else latents.mean.expand_as(latents.state.value)
    if steps == 0:
        return latents.found(image, start)
    likeness = Likeness(image, coach.observer(), weights)

    def errors(point: Points) -> PerItem:
        made = latents.show(point)
        total: PerItem = likeness(made) + weights.latent * _apart(point, latents.mean.expand_as(point))
        return total + weights.domain * _apart(point, latents.encode(made)) if weights.domain else total

    point = seek(errors, start, steps=steps, space=space, rate=rate, watch=watch)
    return latents.found(image, point)


def seek(
    errors: Errors, start: Points, *, steps: int, space: Space = "w+", rate: float = RATE, watch: Watch = unwatched
) -> Points:
    """The best points on the way down from ``start``, each item's by itself.

    Args:
        errors: of points.
        start: (B, ...), in the space ``w`` (B, L, D).
        steps: updates of Adam.
        space: in which is sought; in ``w`` the mean over the layers is where it begins.
        rate: of learning, falling to 0 along a cosine.
        watch: told how much is done.

    Raises:
        InputError: the space needs one latent per layer, and there is only one.
    """
    free = _shared(start) if space == "w" else start.clone()
    optimizer = torch.optim.Adam([free.requires_grad_()], lr=rate)
    best, least = start, torch.full((len(start),), math.inf, device=start.device)
    for step in range(steps + 1):
        with torch.enable_grad():
            point = free.expand_as(start)
            values = errors(point)
            total = values.sum()
        better = (values < least).view(-1, *[1] * (start.ndim - 1))
        best, least = torch.where(better, point, best).detach(), torch.minimum(values, least).detach()
        watch(step / steps)
        if step < steps:
            optimizer.param_groups[0]["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / steps))
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    return best


def _apart(point: Points, other: Points) -> PerItem:
    """(B,) mean squared distance of points (B, ...) from others."""
    return (point - other).square().flatten(1).mean(1)


def _shared(start: Points) -> Float[Tensor, "batch 1 width"]:
    """(B, 1, D) the mean over the layers of (B, L, D)."""
    if start.ndim != 3:
        hint = "leave the space out"
        raise InputError("this model has no latents of layers that could be one", field="space", hint=hint)
    return start.mean(1, keepdim=True)


def _movable(state: State) -> Movable:
    """A state as one whose latents can be reached."""
    if not isinstance(state, Movable):
        raise Unreachable("latents of this model cannot be reached", field="method", hint="use another model")
    return state
