"""Toy families and modalities: each has the shape of a real one, fits in a few lines and can be checked by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor

from misen.core.condition import Condition, Layout
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.signal import Batched
from misen.core.view import View

SIZE = 8
WIDTH = 3 * SIZE * SIZE


@dataclass(frozen=True)
class Tint(Batched):
    """A wished average color, (B, 3) in [-1, 1]."""

    color: Tensor
    modality = "tint"

    @classmethod
    def parse(cls, argument: str) -> Self:
        return cls(torch.tensor([[float(value) for value in argument.split()]]))

    def preview(self, size: int) -> Tensor:
        return self.color[:, :, None, None].expand(-1, -1, size, size)

    def to_json(self) -> list[dict]:
        return [{"color": row} for row in self.color.tolist()]

    @classmethod
    def from_json(cls, items: list[dict]) -> Self:
        return cls(torch.tensor([item["color"] for item in items]))

    def describe(self) -> list[str]:
        return [" ".join(f"{value:g}" for value in row) for row in self.color.tolist()]


@dataclass(frozen=True)
class Shade(Tint):
    """The same wish under another name."""

    modality = "shade"


class TintEncoder:
    """The color itself as a vector, one token or a map."""

    layouts: tuple[Layout, ...] = ("vector", "tokens", "map")

    def width(self, layout: Layout) -> int:
        return 3

    def encode(self, signal: Tint, layout: Layout) -> Condition:
        values = {
            "vector": signal.color,
            "tokens": signal.color[:, None],
            "map": signal.color[:, :, None, None].expand(-1, -1, SIZE, SIZE),
        }
        return Condition.full(layout, values[layout])


class TintEnergy:
    """Squared distance of the average color."""

    def __init__(self) -> None:
        self.begun: list[View] = []

    def begin(self, signal: Tint, first: View):
        self.begun.append(first)
        return lambda view: (view.image.mean((2, 3)) - signal.color).square().sum(1)


def average(ports: Mapping[str, Port], conditions: Mapping[str, Condition], batch: int) -> Tensor:
    """(B, 3): the sum over ports of the colors given there, null counting as zero."""
    total = torch.zeros(batch, 3)
    for name, condition in conditions.items():
        value = condition.value
        color = value if ports[name].layout == "vector" else value.sum(1) if ports[name].layout == "tokens" else None
        color = value.mean((2, 3)) if color is None else color
        total = total + color[:, :3] * condition.present[:, None]
    return total


def port(*trained_on: str, layout: Layout = "vector", mixable: bool = True) -> Port:
    return Port(layout, 3, frozenset(trained_on), mixable)


# --- a family that steps: diffusion whose data are a Gaussian around the wished color ------------------------------


@dataclass(frozen=True)
class Cloud:
    """A noisy picture."""

    x: Tensor


@dataclass
class ToyDiffusion:
    """The exact denoiser of pictures drawn from N(color, SPREAD^2)."""

    ports: Mapping[str, Port] = field(default_factory=lambda: {"tint": port("tint"), "shade": port("shade")})
    size: int = SIZE
    stride: int = 1
    asked: list[tuple[str, ...]] = field(default_factory=list)
    SPREAD = 0.2

    def start(self, batch: int, rng: Streams) -> Cloud:
        return Cloud(10.0 * rng.normal(3, SIZE, SIZE))

    def predict(self, state: Cloud, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        self.asked.append(tuple(sorted(conditions)))
        color = average(self.ports, conditions, len(state.x))[:, :, None, None]
        point = color + (state.x - color) / (1 + level.sigma**2 / self.SPREAD**2)
        return Estimate(point, View)

    def finish(self, state: Cloud) -> Tensor:
        return self.decode(state.x)

    def decode(self, point: Tensor) -> Tensor:
        return point

    def encode(self, image: Tensor) -> Tensor:
        return image

    def restart(self, point: Tensor, level: Level | None, rng: Streams) -> Cloud:
        return Cloud(point if level is None else point + level.sigma * rng.normal(3, SIZE, SIZE))

    def known(self, mask: Tensor) -> Tensor:
        return mask


def ladder(steps: int) -> list[Level]:
    """Sigmas from 10 down to 0, geometrically."""
    sigmas = [*(10.0 * 0.001 ** (i / (steps - 1)) for i in range(steps)), 0.0]
    return [Level(i / steps, now, then) for i, (now, then) in enumerate(pairwise(sigmas))]


@dataclass(frozen=True)
class Euler:
    """Straight along the estimate."""

    steps: int = 12
    name: str = "euler"

    def levels(self, *, guided: bool) -> Sequence[Level]:
        return ladder(self.steps)

    def step(self, state: Cloud, level: Level, predict, rng: Streams) -> Cloud:
        slope = (state.x - predict(state, level).point) / level.sigma
        return Cloud(state.x + (level.next_sigma - level.sigma) * slope)


@dataclass(frozen=True)
class Heun(Euler):
    """The mean of two slopes; it does not know that anything guides."""

    name: str = "heun"
    stages: int = 2

    def step(self, state: Cloud, level: Level, predict, rng: Streams) -> Cloud:
        slope = (state.x - predict(state, level).point) / level.sigma
        tried = Cloud(state.x + (level.next_sigma - level.sigma) * slope)
        if level.next_sigma == 0:
            return tried
        there = replace(level, sigma=level.next_sigma)
        slope = (slope + (tried.x - predict(tried, there).point) / level.next_sigma) / 2
        return Cloud(state.x + (level.next_sigma - level.sigma) * slope)


@dataclass(frozen=True)
class Back(Euler):
    """A step can be taken back."""

    name: str = "back"

    def back(self, state: Cloud, level: Level, rng: Streams) -> Cloud:
        noise = (level.sigma**2 - level.next_sigma**2) ** 0.5 * rng.normal(3, SIZE, SIZE)
        return Cloud(state.x + noise)


# --- a family that walks: a latent, moved only when guided ----------------------------------------------------------


@dataclass
class ToyWalker:
    """A latent of four numbers and a linear synthesis network."""

    ports: Mapping[str, Port] = field(default_factory=dict)
    size: int = SIZE

    def __post_init__(self) -> None:
        self.weight = torch.randn(WIDTH, 4, generator=torch.Generator().manual_seed(0)) / 2

    def start(self, batch: int, rng: Streams) -> Tensor:
        return rng.normal(4)

    def predict(self, state: Tensor, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        return Estimate(state, lambda point: View(self.decode(point)))

    def finish(self, state: Tensor) -> Tensor:
        return self.decode(state)

    def decode(self, point: Tensor) -> Tensor:
        return torch.tanh((point @ self.weight.T).reshape(-1, 3, SIZE, SIZE))


@dataclass(frozen=True)
class Walk:
    """Goes where the estimate went; one step when nothing guides."""

    steps: int = 60
    name: str = "walk"

    def levels(self, *, guided: bool) -> Sequence[Level]:
        count = self.steps if guided else 1
        return [Level(i / count) for i in range(count)]

    def step(self, state: Tensor, level: Level, predict, rng: Streams) -> Tensor:
        return predict(state, level).point

    def anneal(self, level: Level) -> float:
        return 1.0 - level.progress


# --- a family of points in the plane, whose estimate is a sum of its conditions --------------------------------------


@dataclass
class ToyLinear:
    """Estimates the sum of the given colors, whatever the state; its picture is that color."""

    ports: Mapping[str, Port] = field(default_factory=lambda: {"tint": port("tint"), "shade": port("shade")})
    size: int = SIZE

    def start(self, batch: int, rng: Streams) -> Tensor:
        return rng.normal(3)

    def predict(self, state: Tensor, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        return Estimate(average(self.ports, conditions, len(state)), lambda point: View(self.finish(point)))

    def finish(self, state: Tensor) -> Tensor:
        return state[:, :, None, None].expand(-1, -1, SIZE, SIZE)


@dataclass
class ToyRaster(ToyLinear):
    """A family whose unfinished pictures cannot be decoded."""

    opaque: str = "commits one token after another and has no unfinished picture"


@dataclass
class Overflowing(ToyDiffusion):
    """Gives infinity at one noise level, unless it may work in full precision."""

    bad: float = 10.0
    cured: bool = True
    precise: bool = False

    @contextmanager
    def full_precision(self) -> Iterator[Self]:
        yield replace(self, precise=self.cured)

    def predict(self, state: Cloud, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        estimate = super().predict(state, level, conditions)
        overflows = level.sigma == self.bad and not self.precise
        return estimate.at(estimate.point * torch.inf) if overflows else estimate


TOYS = {
    "euler": (ToyDiffusion, Euler),
    "heun": (ToyDiffusion, Heun),
    "walker": (ToyWalker, Walk),
    "linear": (ToyLinear, Walk),
    "raster": (ToyRaster, Walk),
}
ENCODERS = {"tint": TintEncoder(), "shade": TintEncoder()}


def energies() -> dict[str, TintEnergy]:
    """Fresh ones, since they remember."""
    return {"tint": TintEnergy(), "shade": TintEnergy()}


def tint(*colors: Sequence[float]) -> Tint:
    return Tint(torch.tensor(colors))


def shade(*colors: Sequence[float]) -> Shade:
    return Shade(torch.tensor(colors))
