"""Puppets: a toy generator of talking faces, whose mouth is as bright as its sound is loud, and a model of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from misen.assembly import Defaults, Opened
from misen.core.condition import Condition, Layout
from misen.core.estimate import Estimate
from misen.core.generator import Level, Predict
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.view import View

SIZE = 16
MOUTH = (slice(10, 14), slice(4, 12))
"""Rows and columns of the mouth."""


class Loudness:
    """Sounds by the loudness of their middle frame, vector (B, 1) in [0, 1]."""

    layouts: tuple[Layout, ...] = ("vector",)

    def width(self, layout: Layout) -> int:
        return 1

    def encode(self, signal, layout: Layout) -> Condition:
        frames = signal.waveform.unflatten(1, (-1, 640))
        return Condition.full(layout, frames[:, frames.shape[1] // 2].square().mean(1, keepdim=True).sqrt())


class Likeness:
    """Pictures as they are, map (B, 3, 16, 16)."""

    layouts: tuple[Layout, ...] = ("map",)

    def width(self, layout: Layout) -> int:
        return 3

    def encode(self, signal, layout: Layout) -> Condition:
        return Condition.full(layout, signal.preview(SIZE))


@dataclass(frozen=True)
class Scene:
    """A state: the picture."""

    value: Tensor


class Puppet:
    """Shows the face it is given, gray if none, above a little noise of its seed, with a mouth that is heard."""

    def __init__(self, *, faces: bool = True) -> None:
        self.size = SIZE
        self.asked: list[int] = []
        self.ports = {"audio": Port("vector", 1, frozenset({"audio"}), mixable=False)}
        if faces:
            self.ports["exemplar"] = Port("map", 3, frozenset({"exemplar"}), mixable=False)

    def start(self, batch: int, rng: Streams) -> Scene:
        return Scene(0.1 * rng.normal(3, SIZE, SIZE))

    def predict(self, state: Scene, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        self.asked.append(len(state.value))
        point = state.value
        if "exemplar" in conditions:
            point = point + 0.8 * conditions["exemplar"].value
        if "audio" in conditions:
            point = point.clone()
            point[:, :, *MOUTH] = 2 * conditions["audio"].value[:, :, None, None] - 1
        return Estimate(point, View)

    def finish(self, state: Scene) -> Tensor:
        return state.value.clamp(-1, 1)

    def encode(self, image: Tensor) -> Tensor:
        return image

    def restart(self, point: Tensor, level: Level | None, rng: Streams) -> Scene:
        return Scene(point)


class Once:
    """One step, to what is foreseen."""

    name = "once"

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def levels(self, *, guided: bool) -> Sequence[Level]:
        return [Level(0.0)]

    def step(self, state: Scene, level: Level, predict: Predict, rng: Streams) -> Scene:
        return Scene(predict(state, level).point)


def puppet(name: str = "puppet", *, faces: bool = True, sha256: str = "ab" * 32) -> Opened:
    """A model of a puppet, which hears without ears."""
    return Opened(
        name=name,
        generator=Puppet(faces=faces),
        samplers={"once": Once},
        defaults=Defaults("once", 1, 1.0),
        sha256=sha256,
        save=lambda folder: None,
        own_encoders={"audio": Loudness(), "exemplar": Likeness()},
    )


def brightness(frames) -> Tensor:
    """(F,) of the mouths in frames (F, H, W, 3) uint8, in [0, 1]."""
    scale = frames.shape[1] // SIZE
    rows, columns = (slice(scale * (part.start + 1), scale * (part.stop - 1)) for part in MOUTH)
    return torch.as_tensor(frames[:, rows, columns].mean((1, 2, 3)) / 255)
