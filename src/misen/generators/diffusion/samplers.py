"""Samplers: ways from noise to clean latents, each a few lines on the clean latents foreseen.

All follow the probability-flow equation of the variance-preserving schedule; where a step ends without noise, they end
on what they foresee.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import ClassVar

from misen.core.errors import InputError
from misen.core.estimate import Estimate
from misen.core.generator import Level, Predict, Sampler
from misen.core.seeding import Streams
from misen.core.shapes import Maps
from misen.generators.diffusion.schedule import OURS, Schedule, Spacing, Spread, TimedLevel, alpha_scale
from misen.generators.diffusion.state import Latents, Memory


class Walk:
    """What all samplers share: the levels of a walk of ``steps`` steps, evenly spaced in time or as the schedule says.

    Attributes:
        spacing: where the walk sets foot on a schedule that does not say.
        spare: points of an even division that it leaves out at the clean end.
        whole: whether it sets foot on whole timesteps only.
        timed: whether it goes by time whatever the schedule says.
    """

    name: str = ""
    spacing: ClassVar[Spacing] = "linspace"
    spare: ClassVar[int] = 0
    whole: ClassVar[bool] = True
    timed: ClassVar[bool] = False

    def __init__(self, steps: int, schedule: Schedule = OURS) -> None:
        self.steps, self.schedule = steps, schedule

    def levels(self, *, guided: bool) -> Sequence[Level]:
        """The same walk, whether guided or not; raises ``InputError`` for more steps than the schedule has room for."""
        sigmas = [*map(self.schedule.sigma, self._times()), self._end()]
        if (spread := self._spread()) is not None:
            sigmas = [*spread(*self._bounds(sigmas), self.steps), self._end()]
        return [self._level(index / self.steps, *pair) for index, pair in enumerate(pairwise(sigmas))]

    def _spread(self) -> Spread | None:
        """The noise levels of a walk that does not go by time."""
        return None if self.timed else self.schedule.spread

    def _bounds(self, sigmas: Sequence[float]) -> tuple[float, float]:
        """The largest and the smallest noise level of such a walk, as the schedule states them or by itself."""
        stated, own = (self.schedule.sigma_max, self.schedule.sigma_min), self._range(sigmas)
        largest, smallest = (usual if given is None else given for given, usual in zip(stated, own, strict=True))
        return largest, smallest

    def _range(self, sigmas: Sequence[float]) -> tuple[float, float]:
        """The largest and the smallest noise level of a walk whose levels would be these by time."""
        return float(self.schedule.sigmas[-1]), float(self.schedule.sigmas[0])

    def _level(self, progress: float, sigma: float, next_sigma: float) -> Level:
        """A position; the network is told whole timesteps if the walk sets foot on no others."""
        if not self.whole or self._spread() is None:
            return Level(progress, sigma, next_sigma)
        return TimedLevel(progress, sigma, next_sigma, float(round(self.schedule.timestep(sigma))))

    def _times(self) -> Sequence[float]:
        times = self.schedule.times(self.steps, self._spacing(), self.spare)
        times = [*map(round, times)] if self.whole else times
        if len(set(times)) < self.steps:
            hint = f"the model knows {self.schedule.num_train_timesteps} levels of noise; take fewer steps"
            raise InputError(f"{self.name} cannot take {self.steps} steps", field="num_inference_steps", hint=hint)
        return times

    def _spacing(self) -> Spacing:
        return self.schedule.timestep_spacing or self.spacing

    def _end(self) -> float:
        """The noise level the walk ends at."""
        return 0.0

    def _closing(self, level: Level) -> bool:
        """Whether the step from a level is the last of the walk."""
        return round(level.progress * self.steps) == self.steps - 1

    def doubt(self, level: Level) -> float:
        """The share of noise, as latents have unit variance."""
        return alpha_scale(level.sigma)[1]

    def back(self, state: Latents, level: Level, rng: Streams) -> Latents:
        """The state at ``level`` again, from the one that the step from there led to, with the noise it took anew.

        Source: Lugmayr et al. 2022 (arXiv:2201.09865), equation 1, over the noise levels of a step.
        """
        (alpha, scale), (next_alpha, next_scale) = alpha_scale(level.sigma), alpha_scale(level.next_sigma)
        kept = alpha / next_alpha
        fresh = math.sqrt(max(scale**2 - (kept * next_scale) ** 2, 0.0))
        return state.at(kept * state.value + fresh * rng.normal(*state.value.shape[1:]))


def aimed(estimate: Estimate, level: Level) -> Maps:
    """The clean latents to step towards: so far beyond where energies moved them that the step takes the whole move.

    A step keeps ``next_sigma / sigma`` of the noise, which it would tell by the moved latents, and so of the move's
    opposite; with the noise that the network itself foresaw, nothing of that is kept.

    Source: He et al. 2023 (arXiv:2311.16424), algorithm 1, line 6.
    """
    if estimate.guess is None or math.isclose(level.next_sigma, level.sigma):
        return estimate.point
    return estimate.guess + (estimate.point - estimate.guess) / (1 - level.next_sigma / level.sigma)


def noise_in(latents: Maps, point: Maps, sigma: float) -> Maps:
    """The noise that makes clean latents ``point`` into ``latents``."""
    alpha, scale = alpha_scale(sigma)
    return (latents - alpha * point) / scale


def mix(point: Maps, noise: Maps, sigma: float) -> Maps:
    """Clean latents with noise of level ``sigma``."""
    alpha, scale = alpha_scale(sigma)
    return alpha * point + scale * noise


class Ddim(Walk):
    """Keep what is foreseen, keep the noise, change their proportion: a turn of the circle that noise and picture span.

    Source: Song et al. 2020 (arXiv:2010.02502), equation 12 with eta = 0; Salimans & Ho 2022 (arXiv:2202.00512),
    appendix D, for the turn.
    """

    name = "ddim"
    spacing = "leading"
    timed = True

    def _end(self) -> float:
        return 0.0 if self.schedule.set_alpha_to_one else float(self.schedule.sigmas[0])

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """One step."""
        point = aimed(predict(state, level), level)
        return state.at(mix(point, noise_in(state.value, point, level.sigma), level.next_sigma))

    def reverse(self, state: Latents, level: Level, predict: Predict, guess: Latents) -> Latents:
        """Where the step to ``state`` began, with the velocity seen from ``guess``."""
        alpha, scale = alpha_scale(level.sigma)
        speed = (alpha * guess.value - predict(guess, level).point) / scale
        sine, cosine = _turn(level)
        return state.at((state.value + sine * speed) / cosine)

    def aim(self, state: Latents, level: Level, goal: Latents) -> Maps:
        """The clean latents to be foreseen for the step to lead from ``state`` to ``goal``."""
        (_, scale), (_, next_scale) = alpha_scale(level.sigma), alpha_scale(level.next_sigma)
        return (scale * goal.value - next_scale * state.value) / _turn(level)[0]


def _turn(level: Level) -> tuple[float, float]:
    """Sine and cosine of the angle of a step, which turns latents towards the negative of their velocity."""
    (alpha, scale), (next_alpha, next_scale) = alpha_scale(level.sigma), alpha_scale(level.next_sigma)
    return scale * next_alpha - alpha * next_scale, alpha * next_alpha + scale * next_scale


class Exploded(Walk):
    """A walk in the space where noise is only ever added, ``latents / alpha``."""

    whole = False

    def _range(self, sigmas: Sequence[float]) -> tuple[float, float]:
        return sigmas[0], sigmas[-2]

    def _opened(self, state: Latents, level: Level) -> Latents:
        """Pure noise counts as the noise of the first level on nothing, if that level is the schedule's last."""
        if not state.pure or self._spacing() == "leading":
            return state
        return state.at(alpha_scale(level.sigma)[1] * state.value)


class Euler(Exploded):
    """A straight line in the space where noise is only ever added.

    Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 1 without its second half.
    """

    name = "euler"

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """One step."""
        state = self._opened(state, level)
        exploded = explode(state.value, level.sigma)
        slope = (exploded - aimed(predict(state, level), level)) / level.sigma
        return state.at(shrink(exploded + slope * (level.next_sigma - level.sigma), level.next_sigma))


class Heun(Exploded):
    """The mean of the slopes at both ends of Euler's line; two predictions a step but for the last.

    Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 1; deviation: a step from all but pure noise is Euler's,
    because it is so long that the least difference of the slopes would be blown up.
    """

    name = "heun"
    stages = 2
    purest: ClassVar[float] = 100.0
    """Noise level above which a step is Euler's."""

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """One step."""
        state = self._opened(state, level)
        exploded, move = explode(state.value, level.sigma), level.next_sigma - level.sigma
        slope = (exploded - aimed(predict(state, level), level)) / level.sigma
        end = exploded + slope * move
        if level.next_sigma == 0 or level.sigma > self.purest:
            return state.at(shrink(end, level.next_sigma))
        there = Level(level.progress, level.next_sigma, level.next_sigma)
        other = (end - predict(state.at(shrink(end, level.next_sigma)), there).point) / level.next_sigma
        return state.at(shrink(exploded + (slope + other) / 2 * move, level.next_sigma))


def explode(latents: Maps, sigma: float) -> Maps:
    """Latents of unit variance -> clean latents plus noise of standard deviation ``sigma``."""
    return latents / alpha_scale(sigma)[0]


def shrink(exploded: Maps, sigma: float) -> Maps:
    """Inverts ``explode``."""
    return exploded * alpha_scale(sigma)[0]


class Multistep(Walk):
    """A walk that goes on from earlier steps too, and can end on the noise of timestep 0."""

    spare = 1

    def _end(self) -> float:
        return float(self.schedule.sigmas[0]) if self.schedule.final_sigmas_type == "sigma_min" else 0.0


class DpmSolver(Multistep):
    """Exact for the linear part, with the change of what is foreseen extrapolated from the step before.

    Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 2 ("DPM-Solver++(2M)"); the last step is of first order if it
    takes away all noise, or if the walk is short.
    """

    name = "dpm++2m"
    short: ClassVar[int] = 15
    """Steps from which the last one may be of second order."""

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """One step."""
        point = aimed(predict(state, level), level)
        here = Memory(level.sigma, point, state.value)
        if level.next_sigma == 0:
            return state.at(point)
        goal = point + self._trend(state, level, point)
        alpha, scale = alpha_scale(level.next_sigma)
        stay = scale / alpha_scale(level.sigma)[1]
        reach = alpha * -math.expm1(-_gain(level.sigma, level.next_sigma))
        return state.at(stay * state.value + reach * goal, here)

    def _trend(self, state: Latents, level: Level, point: Maps) -> Maps | float:
        """Half of what the foreseen latents would change over this step at the pace of the last."""
        if not state.history or (self.steps < self.short and self._closing(level)):
            return 0.0
        (before,) = state.history
        pace = _gain(level.sigma, level.next_sigma) / _gain(before.sigma, level.sigma)
        return 0.5 * pace * (point - before.point)


def _gain(sigma: float, next_sigma: float) -> float:
    """By how much the logarithm of signal to noise grows from one level to another."""
    return math.log(sigma) - math.log(next_sigma)


class UniPc(Multistep):
    """Predicts as a solver of second order, and corrects each step once the next prediction is known.

    Source: Zhao et al. 2023 (arXiv:2302.04867), algorithms 5 and 6 with p = 2 and B(h) = exp(h) - 1 ("bh2"); the last
    step is of first order.
    """

    name = "unipc"

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """Correct where the last step led, then go on from there."""
        point = aimed(predict(state, level), level)
        latents = self._corrected(state, level, point) if state.history else state.value
        here = Memory(level.sigma, point, latents)
        history = (*state.history, here)[-2:]
        if level.next_sigma == 0:
            return state.at(point)
        if math.isclose(level.next_sigma, level.sigma):  # a walk that does not go by time is there already
            return state.at(latents)
        return state.at(self._predicted(history[-1:] if self._closing(level) else history, level.next_sigma), *history)

    def _predicted(self, history: Sequence[Memory], next_sigma: float) -> Maps:
        """The latents at ``next_sigma``, from one or two points."""
        here = history[-1]
        straight, weight, _ = _exponential(here, next_sigma)
        if len(history) == 1:
            return straight
        ratio = _gain(here.sigma, history[0].sigma) / _gain(here.sigma, next_sigma)
        return straight - weight * 0.5 * (history[0].point - here.point) / ratio

    def _corrected(self, state: Latents, level: Level, point: Maps) -> Maps:
        """The latents at ``level`` again, now that the point foreseen there is known."""
        here = state.history[-1]
        straight, weight, moments = _exponential(here, level.sigma)
        change = point - here.point
        if len(state.history) == 1:
            return straight - weight * 0.5 * change
        before = state.history[0]
        ratio = _gain(here.sigma, before.sigma) / _gain(here.sigma, level.sigma)
        first, second = _weights(ratio, moments)
        return straight - weight * (first * (before.point - here.point) / ratio + second * change)


def _exponential(here: Memory, sigma: float) -> tuple[Maps, float, tuple[float, float]]:
    """A step of first order to ``sigma``, the weight of corrections to it, and their first two moments."""
    alpha, scale = alpha_scale(sigma)
    reach = -_gain(here.sigma, sigma)
    growth = math.expm1(reach)
    straight = scale / alpha_scale(here.sigma)[1] * here.latents - alpha * growth * here.point
    second = growth / reach - 1
    third = second / reach - 0.5
    return straight, alpha * growth, (second / growth, 2 * third / growth)


def _weights(ratio: float, moments: tuple[float, float]) -> tuple[float, float]:
    """Solve ``a + b = moments[0]`` and ``ratio * a + b = moments[1]``."""
    first = (moments[1] - moments[0]) / (ratio - 1)
    return first, moments[0] - first


class MultistepConsistency(Walk):
    """Believe what is foreseen, and put on it the noise of the next level, drawn anew.

    Source: Song et al. 2023 (arXiv:2303.01469), algorithm 1; for networks that have learned to foresee the end of the
    way from anywhere on it, in one to four steps.
    """

    name = "consistency"
    timed = True

    def step(self, state: Latents, level: Level, predict: Predict, rng: Streams) -> Latents:
        """One step."""
        point = predict(state, level).point
        if level.next_sigma == 0:
            return state.at(point)
        return state.at(mix(point, rng.normal(*point.shape[1:]), level.next_sigma))


SAMPLERS: Mapping[str, Callable[..., Sampler]] = {
    "dpm++2m": DpmSolver,
    "unipc": UniPc,
    "heun": Heun,
    "euler": Euler,
    "ddim": Ddim,
    "consistency": MultistepConsistency,
}
"""Samplers by name, from a number of steps and a schedule, ours if none is given."""


def samplers(schedule: Schedule) -> Mapping[str, Callable[[int], Sampler]]:
    """Samplers of another schedule by name, from a number of steps."""
    return {name: partial(kind, schedule=schedule) for name, kind in SAMPLERS.items()}
