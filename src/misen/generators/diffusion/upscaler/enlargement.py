"""Large pictures of given small ones, as a generator: it has no ports, since what it must show is bound inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.generator import Generator, Level, Sampler
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images
from misen.core.view import View
from misen.generators.diffusion.samplers import Ddim
from misen.generators.diffusion.schedule import Schedule, alpha_scale, clean
from misen.generators.diffusion.state import Latents
from misen.generators.diffusion.upscaler.disturbance import add_grain
from misen.generators.diffusion.upscaler.network import UpscalingNetwork
from misen.generators.diffusion.upscaler.resolution import enlarge, faithful, retreat

SPREAD = 0.08
"""Typical size of what a large render has beyond the enlarged small one; the residual is counted in it."""


@dataclass(frozen=True)
class Habits:
    """How an upscaler is used.

    Attributes:
        steps: network evaluations per picture.
        level: of the noise that small pictures get first, in [0, 1].
        tolerance: how far the area average of the large picture may be from the small one, root mean square.
    """

    steps: int = 3
    level: float = 0.1
    tolerance: float = 0.025


class Upscaler:
    """Makes small pictures large.

    Attributes:
        small: height and width of the pictures it takes.
        size: height and width of the pictures it makes.
    """

    def __init__(self, network: UpscalingNetwork, small: int = 64, habits: Habits | None = None) -> None:
        """``network`` is frozen already; it was trained on pictures of ``small`` pixels, or on crops of them."""
        self.network, self.small, self.habits = network, small, habits or Habits()
        self.size = small * network.settings.ratio

    def over(self, images: Images, rng: Streams) -> Generator:
        """The generator of the large pictures that show ``images`` (B, 3, small, small) in [-1, 1]."""
        return Enlargement(self.network, images, self.habits, rng.for_purpose("disturb"))

    def sampler(self) -> Sampler:
        """The walk it takes."""
        return Ddim(self.habits.steps)


class Enlargement:
    """Its points are residuals: what large pictures have beyond the enlarged small ones, in units of ``SPREAD``."""

    ports: Mapping[str, Port]

    def __init__(self, network: UpscalingNetwork, given: Images, habits: Habits, rng: Streams) -> None:
        """``given`` (B, 3, h, w) in [-1, 1]; ``rng`` draws its noise."""
        self.network, self.given, self.habits = network, given, habits
        self.ratio = network.settings.ratio
        self.level = torch.full((len(given),), habits.level, device=given.device)
        self.noisy = add_grain(given, self.level, rng.normal(*given.shape[1:]))
        self.base = enlarge(self.noisy, self.ratio)
        self.schedule, self.ports, self.size = Schedule(), {}, self.base.shape[-1]

    def start(self, batch: int, rng: Streams) -> Latents:
        """Pure noise."""
        return Latents(rng.normal(*self.base.shape[1:]))

    def predict(self, state: Latents, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The residual foreseen from a noisy one, clipped and corrected so that the picture is faithful."""
        alpha, scale = alpha_scale(level.sigma)
        timestep = torch.full_like(self.level, self.schedule.timestep(level.sigma))
        velocity = self.network(state.value, self.noisy, timestep, self.level)
        shown = self._faithful(self.show(clean(state.value, velocity, alpha, scale)).clamp(-1, 1))
        return Estimate((shown - self.base) / SPREAD, lambda point: View(self.show(point), level=level.progress))

    def finish(self, state: Latents) -> Images:
        """The picture: in range, and faithful after all where clipping undid it."""
        image = self._faithful(self.show(state.value)).clamp(-1, 1)
        return retreat(image, self.given, self.ratio, self.habits.tolerance)

    @contextmanager
    def full_precision(self) -> Iterator[Enlargement]:
        """Itself, without the autocast that a caller may have put around everything; its weights are float32 anyway."""
        with torch.autocast(self.base.device.type, enabled=False):
            yield self

    def show(self, residual: Images) -> Images:
        """The pictures of residuals (B, 3, H, W), not clipped."""
        return self.base + SPREAD * residual

    def _faithful(self, image: Images) -> Images:
        return faithful(image, self.given, self.ratio, self.habits.tolerance)
