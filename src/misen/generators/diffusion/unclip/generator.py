"""The generator: words become a place in the joint embedding, and a place becomes a picture.

Source: Ramesh et al. 2022 (arXiv:2204.06125), section 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from misen.codecs.kinds import Autoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.condition import Condition, Encoder
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Vectors
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.generator import DiffusionGenerator
from misen.generators.diffusion.state import Latents
from misen.generators.diffusion.unclip.places import PLACE, PLACES, place_conditions
from misen.generators.diffusion.unclip.prior import Prior
from misen.generators.diffusion.unclip.prompts import Prompts, WholeReader
from misen.perception.joint import JointEmbedding, Places


class Imagination:
    """What a prior imagines during one walk: chance is drawn once, and nothing is imagined twice.

    Attributes:
        draws: (B, N) what chance decides.
    """

    def __init__(self, prior: Prior, draws: Vectors) -> None:
        self.prior, self.draws = prior, draws
        self._known: list[tuple[Tensor, Places]] = []

    def of(self, words: Condition, length: int) -> Places:
        """(B, 128): where the pictures of some words lie; ``length`` as of ``Prompts.split``."""
        for known, places in self._known:
            if known.shape == words.value.shape and torch.equal(known, words.value):
                return places
        places = self.prior.imagine(Prompts.split(words, length), self.draws)
        self._known.append((words.value, places))
        return places


@dataclass(frozen=True)
class ImaginedLatents(Latents):
    """Latents, and what the prior imagines on their way."""

    imagination: Imagination = field(kw_only=True, repr=False, compare=False)


class UnclipGenerator(DiffusionGenerator):
    """A diffusion model that is told words and, beside them, a place that a prior imagines of them.

    Args:
        denoiser: has the ports of a place.
        autoencoder: pictures to latents and back.
        tiny: the decoder of estimates.
        joint: where places are.
        prior: from prompts to places.
        companions: as of any diffusion model.
        card: what is known of the model.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        autoencoder: Autoencoder,
        tiny: TinyDecoder | None = None,
        *,
        joint: JointEmbedding,
        prior: Prior,
        companions: Mapping[str, Any] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(denoiser, autoencoder, tiny, companions=companions, card=card)
        self.joint, self.prior = joint, prior
        self.ports = {name: port for name, port in self.ports.items() if name not in (PLACE, PLACES)}
        self._words = denoiser.ports.stock_name
        self._length = len(denoiser.ports.stock.null) + 1

    # --- places ------------------------------------------------------------------------------------------------------

    def place(self, images: Images) -> Places:
        """(B, 128) where pictures (B, 3, H, W) in [-1, 1] lie."""
        return self.joint.image(images)

    def read(self, prompts: Sequence[str]) -> Places:
        """(B, 128) where prompts lie; pictures of them do not lie there, but where the prior says."""
        return self.joint.text(prompts)

    def told(self, places: Places) -> Mapping[str, Condition]:
        """The conditions, by port, under which pictures that lie at places (B, 128) are answered."""
        return place_conditions(places, torch.ones(len(places), dtype=torch.bool, device=places.device))

    def own_encoders(self, usual: Mapping[str, Encoder]) -> Mapping[str, Encoder]:
        """Words keep their whole, which the prior wants."""
        return {self._words: WholeReader(usual[self._words], self.joint)}

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> ImaginedLatents:
        """Pure noise."""
        return self._imagined(super().start(batch, rng), self._draw(rng))

    def restart(self, point: Maps, level: Level | None, rng: Streams) -> ImaginedLatents:
        """Clean latents with the noise of ``level``; without any at the end of the way."""
        return self._imagined(super().restart(point, level, rng), self._draw(rng))

    def predict(self, state: ImaginedLatents, level: Level, conditions: Mapping[str, Condition]) -> Estimate:  # type: ignore[override]  # states are opaque
        """The clean latents foreseen from noisy ones, under words and the place imagined of them.

        A place that is given is taken as it is; tokens without a whole, such as learned ones, stand for themselves.
        """
        return super().predict(state, level, self._completed(state, conditions))

    def predict_jointly(  # type: ignore[override]
        self, state: ImaginedLatents, level: Level, asked: Sequence[Mapping[str, Condition]]
    ) -> Sequence[Estimate]:
        """The same under several sets of conditions; every place is imagined beforehand."""
        return super().predict_jointly(state, level, [self._completed(state, conditions) for conditions in asked])

    def pack(self, state: ImaginedLatents) -> dict[str, Tensor]:  # type: ignore[override]
        """The noisy latents, and what chance decides of places."""
        return {**super().pack(state), "draws": state.imagination.draws}

    def unpack(self, tensors: Mapping[str, Tensor]) -> ImaginedLatents:
        """Inverts ``pack``; raises ``ModelFileError`` for other tensors."""
        latents, draws = super().unpack(tensors), tensors.get("draws")
        wanted = self._draw(Streams([0])).shape[1:]
        if draws is None or draws.shape != (len(latents.value), *wanted):
            hint = "invert the picture with this model"
            raise ModelFileError(f"a state of this model has draws (B, {wanted[0]})", field="state", hint=hint)
        return self._imagined(latents, draws)

    def _draw(self, rng: Streams) -> Vectors:
        return self.prior.draw(rng.for_purpose("prior"))

    def _imagined(self, latents: Latents, draws: Vectors) -> ImaginedLatents:
        imagination = Imagination(self.prior, draws)
        return ImaginedLatents(latents.value, latents.history, latents.pure, imagination=imagination)

    def _completed(self, state: ImaginedLatents, conditions: Mapping[str, Condition]) -> Mapping[str, Condition]:
        """The conditions as the denoiser takes them."""
        words = conditions.get(self._words)
        if words is None or words.mask is None or words.value.shape[1] % self._length:
            return conditions
        tokens = words.value.unflatten(1, (-1, self._length))[:, :, :-1].flatten(1, 2)
        plain = {**conditions, self._words: replace(words, value=tokens, mask=None)}
        if PLACE in conditions or not words.present.any():
            return plain
        return {**plain, **place_conditions(state.imagination.of(words, self._length), words.present)}
