"""The style-based generator: a latent as the state, and the same latent as the estimate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.execution import Execution
from misen.core.generator import Level
from misen.core.port import Port
from misen.core.registry import lookup
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Points, Vectors
from misen.core.view import View
from misen.generators.gan.networks import StyleNetworks
from misen.generators.gan.state import LatentState
from misen.generators.gan.synthesis import LatentsPlus, Shown, Styles
from misen.nn.execution import DTYPES, compile_parts, lowered


class StyleGenerator:
    """A style-based generator without conditions, whose points lie in W+.

    Args:
        networks: mapping, synthesis and encoder.
        card: what is known of the model.

    Attributes:
        kind: by which its folder is opened.
        ports: none.
        size: height and width of its pictures, in pixels.
        shape: of a point.
        exact: the networks as they were built, where others take their place.
        dtype: in which they work.
    """

    kind = "style"
    exact: StyleNetworks | None = None
    dtype: torch.dtype = torch.float32

    def __init__(self, networks: StyleNetworks, card: Mapping[str, Any] | None = None) -> None:
        self.networks, self.card = networks, dict(card or {})
        self.ports: Mapping[str, Port] = {}
        self.size: int = networks.synthesis.size
        self.shape: tuple[int, ...] = (networks.synthesis.layers, networks.settings.width)

    @property
    def architecture(self) -> dict[str, Any]:
        """What a card records, so that the networks can be rebuilt."""
        return asdict(self.networks.settings)

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> LatentState:
        """A latent and noise, drawn from each picture's seed."""
        draws = rng.normal(self.networks.settings.draws)
        noise = rng.for_purpose("layers").normal(self.networks.synthesis.inputs)
        mapped = self.networks.mapping(draws.to(self.dtype)).to(draws.dtype)
        return LatentState(self._placed(self.networks.spread(mapped)), noise, drawn=True)

    def predict(self, state: LatentState, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The latent itself."""
        return Estimate(state.value, self._viewer(state.noise, level))

    def typical(self, state: LatentState) -> Points:
        """The mean latent, as long as a state is as it was drawn; from then on its own, which is no longer chance."""
        if not state.drawn:
            return state.value
        mean = self.networks.mapping.mean.to(state.value.dtype).expand(len(state.value), -1)
        return self._placed(self.networks.spread(mean))

    def finish(self, state: LatentState) -> Images:
        """The picture of a latent."""
        return self._show(state.value, state.noise).image.to(state.value.dtype).clamp(-1, 1)

    def _placed(self, point: LatentsPlus) -> Points:
        """A point of W+ in the space of the estimates."""
        return point

    def _styles(self, point: LatentsPlus) -> Styles:
        """A point of W+ in S."""
        styles: Tensor = self.networks.synthesis.styles(point.to(self.dtype))
        return styles.to(point.dtype)

    def _show(self, point: Points, noise: Vectors) -> Shown:
        synthesis = self.networks.synthesis
        return synthesis.show(synthesis.styles(point.to(self.dtype)), noise.to(self.dtype))

    def _viewer(self, noise: Vectors, level: Level) -> Callable[[Points], View]:
        """Shows a point; clipped to the range of pictures without stopping the gradient."""

        def view(point: Points) -> View:
            shown = self._show(point, noise)
            image = shown.image.to(point.dtype)
            clipped = image + (image.clamp(-1, 1) - image).detach()
            return View(clipped, level=level.progress, features=partial(_features, shown))

        return view

    # --- starting from a picture -------------------------------------------------------------------------------------

    def encode(self, image: Images) -> Points:
        """The points of pictures (B, 3, H, W) in [-1, 1], as the encoder sees them."""
        return self._placed(self.networks.encode(image.to(self.dtype)).to(image.dtype))

    def restart(self, point: Points, level: Level | None, rng: Streams) -> LatentState:
        """A state on the straight way from where its seed would begin, with its noise, to a picture, which has none."""
        silence = self.networks.silence(len(point))
        if level is None:
            return LatentState(point, silence)
        begun = self.start(len(point), rng)
        value, noise = (
            torch.lerp(first, last, level.progress) for first, last in ((begun.value, point), (begun.noise, silence))
        )
        return LatentState(value, noise)

    def pack(self, state: LatentState) -> dict[str, Tensor]:
        """The latents and the noise."""
        return {"latents": state.value, "noise": state.noise}

    def unpack(self, tensors: Mapping[str, Tensor]) -> LatentState:
        """A state in which nothing is drawn; raises ``ModelFileError`` for tensors of another model."""
        wanted = {"latents": self.shape, "noise": (self.networks.synthesis.inputs,)}
        if {name: tuple(tensor.shape[1:]) for name, tensor in tensors.items()} != wanted:
            listed = " and ".join(f"{name} (B, {', '.join(map(str, shape))})" for name, shape in wanted.items())
            hint = "invert the picture with this model"
            raise ModelFileError(f"a state of this model has {listed}", field="state", hint=hint)
        return LatentState(tensors["latents"], tensors["noise"])

    # --- other ways --------------------------------------------------------------------------------------------------

    def in_styles(self) -> StylesGenerator:
        """The same generator, whose points lie in S."""
        other = StylesGenerator(self.networks, self.card)
        other.exact, other.dtype = self.exact, self.dtype
        return other

    def styled(self, state: LatentState) -> LatentState:
        """A state as one of ``in_styles`` that shows the same picture, by the networks as they are now."""
        return state.at(self._styles(state.value))

    def executed(self, execution: Execution) -> StyleGenerator:
        """A copy whose networks are run otherwise; raises ``LimitError`` where memory does not suffice for them."""
        other = copy.copy(self)
        other.exact, other.dtype = self.exact or self.networks, DTYPES[execution.precision]
        other.networks = lowered(other.exact, execution.precision)
        compile_parts(other.networks.synthesis.blocks, execution.engine)
        return other

    @contextmanager
    def full_precision(self) -> Iterator[StyleGenerator]:
        """A copy with the exact networks, without the autocast that a caller may have put around everything."""
        other = self._as_built()
        with torch.autocast(other.networks.mapping.mean.device.type, enabled=False):
            yield other

    @property
    def network(self) -> nn.Module:
        """What makes its pictures."""
        return self.networks.synthesis

    def twin(self) -> StyleGenerator:
        """A copy with networks of its own, run as they were built."""
        other = self._as_built()
        other.networks = copy.deepcopy(other.networks)
        return other

    def _as_built(self) -> StyleGenerator:
        """A copy whose networks are run as they were built."""
        other = copy.copy(self)
        other.networks, other.exact, other.dtype = self.exact or self.networks, None, torch.float32
        return other


class StylesGenerator(StyleGenerator):
    """The same with points in S: the styles of all layers side by side, (B, styles)."""

    def __init__(self, networks: StyleNetworks, card: Mapping[str, Any] | None = None) -> None:
        super().__init__(networks, card)
        self.shape = (sum(networks.synthesis.style_widths),)

    def styled(self, state: LatentState) -> LatentState:
        """The same state."""
        return state

    def _placed(self, point: LatentsPlus) -> Points:
        return self._styles(point)

    def _show(self, point: Points, noise: Vectors) -> Shown:
        return self.networks.synthesis.show(point.to(self.dtype), noise.to(self.dtype))


def _features(shown: Shown, name: str) -> Maps:
    """The maps of a layer; raises ``NotFoundError`` if there is none of this name."""
    return shown.features[lookup("layer", name, shown.features)].to(torch.float32)
