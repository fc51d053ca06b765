"""The stacked generator: the latents of all layers and the words beside them as the state, and as the estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Points, Vectors
from misen.core.view import View
from misen.generators.gan.stacked.conditioning import WordsPort
from misen.generators.gan.stacked.network import StackedNetwork, StackedSettings
from misen.generators.gan.state import LatentState
from misen.nn.fusion.attention_maps import edited
from misen.nn.fusion.cross_attention import AttentionMaps

WordMaps = Float[Tensor, "batch words rows columns"]
"""How much the places of a map look at each word, mean over the heads; adds up to 1 over the words."""


class StackedGenerator:
    """A generator of pictures in stages, whose points are W+ and the words together.

    Words belong to the linear space, so that what is said is mixed, moved and kept like any latent. Conditions decide
    where a walk begins; from then on only energies move it.

    Args:
        networks: its network.
        card: what is known of the model.

    Attributes:
        kind: by which its folder is opened.
        ports: ports by name.
        size: height and width of its largest pictures, in pixels.
    """

    kind = "stacked"

    def __init__(self, networks: StackedNetwork, card: Mapping[str, Any] | None = None) -> None:
        self.networks, self.card = networks, dict(card or {})
        self.ports: Mapping[str, Port] = {line.name: line.port() for line in networks.conditioning.table}
        self.size: int = networks.settings.sizes[-1]

    @classmethod
    def build(cls, architecture: Mapping[str, Any], card: Mapping[str, Any]) -> StackedGenerator:
        """An untrained one of an ``architecture``."""
        table = [WordsPort(name, **line) for name, line in architecture["ports"].items()]
        return cls(StackedNetwork(StackedSettings(**architecture["network"]), table), card)

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the network can be rebuilt."""
        lines = self.networks.conditioning.table
        table = {line.name: {"width": line.width, "length": line.length} for line in lines}
        return {"network": asdict(self.networks.settings), "ports": table}

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> LatentState:
        """Noise of each picture's seed, and the point that it leads to when nothing is said."""
        noise = rng.normal(self.networks.inputs)
        return LatentState(self.networks.decide(noise, {}), noise, drawn=True)

    def predict(self, state: LatentState, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The point that the noise leads to under conditions; once a walk has begun, where it is."""
        point = self.networks.decide(state.noise, conditions) if state.drawn else state.value
        return Estimate(point, self._viewer(state.noise, level))

    def typical(self, state: LatentState) -> Points:
        """The mean point of which nothing is said, as long as a state is as it was drawn; from then on its own."""
        return self.networks.typical(len(state.value)) if state.drawn else state.value

    def finish(self, state: LatentState) -> Images:
        """The largest picture of a point."""
        return self.stages(state)[-1].clamp(-1, 1)

    def stages(self, state: LatentState) -> list[Tensor]:
        """The pictures (B, 3, s, s) of a state at every size, coarse to fine, not clipped."""
        return self.networks.show(state.value, state.noise)

    def _viewer(self, noise: Vectors, level: Level) -> Callable[[Points], View]:
        """Shows a point; clipped to the range of pictures without stopping the gradient."""

        def view(point: Points) -> View:
            image = self.networks.show(point, noise)[-1]
            return View(image + (image.clamp(-1, 1) - image).detach(), level=level.progress)

        return view

    # --- looking inside ----------------------------------------------------------------------------------------------

    @torch.no_grad()
    def attention(self, state: LatentState) -> dict[int, WordMaps]:
        """Which word each place looks at, by height and width of the maps in places.

        Words are numbered as in ``Conditioning``: those of the first port, then those of the second.
        """
        witness = _Witness()
        with edited(self.networks, witness):
            self.stages(state)
        return witness.seen

    # --- keeping -----------------------------------------------------------------------------------------------------

    def pack(self, state: LatentState) -> dict[str, Tensor]:
        """The point and the noise."""
        return {"point": state.value, "noise": state.noise}

    def unpack(self, tensors: Mapping[str, Tensor]) -> LatentState:
        """A state that nothing but energies will move; raises ``ModelFileError`` unless its tensors fit this model."""
        network = self.networks
        length = network.layers + network.conditioning.length
        wanted = {"point": (length, network.settings.width), "noise": (network.inputs,)}
        if {name: tuple(tensor.shape[1:]) for name, tensor in tensors.items()} != wanted:
            listed = " and ".join(f"{name} (B, {', '.join(map(str, shape))})" for name, shape in wanted.items())
            hint = "make the state with this model"
            raise ModelFileError(f"a state of this model has {listed}", field="state", hint=hint)
        return LatentState(tensors["point"], tensors["noise"])


class _Witness:
    """Sees the maps of every layer and leaves them as they are."""

    def __init__(self) -> None:
        self.seen: dict[int, WordMaps] = {}

    def concerns(self, *, crossing: bool, places: int) -> bool:
        return crossing

    def __call__(self, maps: AttentionMaps, *, crossing: bool) -> AttentionMaps:
        side = int(maps.shape[2] ** 0.5)
        self.seen[side] = maps.mean(dim=1).transpose(1, 2).unflatten(2, (side, side))
        return maps
