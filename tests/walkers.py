"""A toy family that walks among latents of layers; its encoder is nearly right, and its network can learn."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.view import View

SIDE = 16
LAYERS, LATENT, STYLES = 3, 4, 5
ENCODED = 0.7
"""Share of the latents of a picture that the encoder tells."""


@dataclass(frozen=True)
class Place:
    """A state: the latents alone."""

    value: Tensor

    def at(self, value: Tensor) -> Place:
        return Place(value)

    def repeat(self, count: int) -> Place:
        return Place(self.value.repeat_interleave(count, 0))


class Painting(nn.Module):
    """Latents (B, 3, 4) to styles (B, 15) to pictures (B, 3, 16, 16), both linear but for the range of the last."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.affine = nn.Parameter(torch.randn(LAYERS, LATENT, STYLES, generator=random) / 2)
        self.paint = nn.Parameter(torch.randn(LAYERS * STYLES, 3 * SIDE * SIDE, generator=random) / 4)
        self.requires_grad_(False)

    def styles(self, point: Tensor) -> Tensor:
        return torch.einsum("bld,lds->bls", point, self.affine).flatten(1)

    def show(self, styles: Tensor) -> Tensor:
        return torch.tanh(styles @ self.paint).view(-1, 3, SIDE, SIDE)


class ToyLayers:
    """One latent per layer; those of a seed are all alike."""

    def __init__(self) -> None:
        self.ports: Mapping[str, Port] = {}
        self.size, self.network = SIDE, Painting()

    def start(self, batch: int, rng: Streams) -> Place:
        return Place(self.placed(1 + 0.5 * rng.normal(1, LATENT).expand(-1, LAYERS, -1)))

    def predict(self, state: Place, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        return Estimate(state.value, lambda point: View(self.show(point), level=level.progress))

    def finish(self, state: Place) -> Tensor:
        return self.show(state.value)

    def encode(self, image: Tensor) -> Tensor:
        """Part of what a linear network would have been told."""
        whole = torch.einsum("lds,lsp->ldp", self.network.affine, self.network.paint.view(LAYERS, STYLES, -1))
        flat = torch.atanh(image.clamp(-0.999, 0.999)).flatten(1) @ torch.linalg.pinv(whole.flatten(0, 1))
        return self.placed(ENCODED * flat.view(-1, LAYERS, LATENT))

    def restart(self, point: Tensor, level: Level | None, rng: Streams) -> Place:
        return Place(point)

    def pack(self, state: Place) -> dict[str, Tensor]:
        return {"latents": state.value}

    def unpack(self, tensors: Mapping[str, Tensor]) -> Place:
        assert set(tensors) == {"latents"}
        return Place(tensors["latents"])

    def twin(self) -> ToyLayers:
        other = copy.copy(self)
        other.network = copy.deepcopy(self.network)
        return other

    def in_styles(self) -> ToyStyles:
        other = ToyStyles()
        other.network = self.network
        return other

    def styled(self, state: Place) -> Place:
        return Place(self.network.styles(state.value))

    def placed(self, point: Tensor) -> Tensor:
        return point

    def show(self, point: Tensor) -> Tensor:
        return self.network.show(self.network.styles(point))


class ToyStyles(ToyLayers):
    """The same with points in S."""

    def placed(self, point: Tensor) -> Tensor:
        return self.network.styles(point)

    def show(self, point: Tensor) -> Tensor:
        return self.network.show(point)


class Blind(ToyLayers):
    """The same without an encoder."""

    encode = None
    restart = None


@dataclass(frozen=True)
class Stroll:
    """Goes where the estimate went; one step when nothing guides."""

    steps: int = 40
    name: str = "stroll"

    def levels(self, *, guided: bool) -> Sequence[Level]:
        count = self.steps if guided else 1
        return [Level(index / count) for index in range(count)]

    def step(self, state: Place, level: Level, predict, rng: Streams) -> Place:
        return state.at(predict(state, level).point)

    def anneal(self, level: Level) -> float:
        return 1.0 - level.progress
