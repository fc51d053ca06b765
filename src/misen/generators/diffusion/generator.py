"""The generator: noisy latents as the state, the clean latents it foresees as the estimate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.codecs.kinds import Autoencoder, latents_of
from misen.codecs.tiny import TinyDecoder
from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.execution import Execution
from misen.core.generator import Level, Player
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Masks, PerItem
from misen.core.view import View
from misen.generators.diffusion import lora
from misen.generators.diffusion.caching import CachingDenoiser
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.joint import joint
from misen.generators.diffusion.players import DenoisingPlayer
from misen.generators.diffusion.schedule import OURS, Schedule, alpha_scale
from misen.generators.diffusion.state import Latents
from misen.generators.diffusion.tuning import errors
from misen.generators.diffusion.weak import SINCE, UNTIL
from misen.nn.execution import DTYPES, compile_parts, lowered

Networks = tuple[Denoiser, Autoencoder, TinyDecoder | None, UNet2DModel | None]
"""Denoiser, autoencoder, tiny decoder and weak network."""


def stride_of(autoencoder: Any) -> int:
    """Pixels per latent cell of an autoencoder, ours or diffusers', along each side."""
    return 2 ** (len(autoencoder.config.block_out_channels) - 1)  # type: ignore[no-any-return]


class DiffusionGenerator:
    """Latent diffusion.

    Args:
        denoiser: predicts what the schedule says it does.
        autoencoder: pictures to latents and back.
        tiny: the decoder of estimates; the autoencoder's own if None.
        weak: what guidance leads away from in the middle of a walk; the denoiser's own answer if None.
        schedule: of the noise it was trained with.
        companions: what a saved folder holds besides, by name, each with diffusers' ``save_pretrained``.
        card: what is known of the model.

    Attributes:
        ports: ports by name.
        stride: pixels per cell of the latents, along each side.
        shape: (C, h, w) of the latents of the pictures it makes.
        size: height and width of the pictures it was trained on, in pixels.
        exact: the networks as they were built, where others take their place.
        dtype: in which all of them work.
    """

    exact: Networks | None = None
    dtype: torch.dtype = torch.float32

    def __init__(
        self,
        denoiser: Denoiser,
        autoencoder: Autoencoder,
        tiny: TinyDecoder | None = None,
        *,
        weak: UNet2DModel | None = None,
        schedule: Schedule = OURS,
        companions: Mapping[str, Any] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        self.denoiser, self.autoencoder, self.tiny, self.weak = denoiser, autoencoder, tiny, weak
        self.companions, self.card = dict(companions or {}), dict(card or {})
        self.schedule = schedule
        self.ports: Mapping[str, Port] = {settings.name: settings.port() for settings in denoiser.ports.table}
        config = denoiser.unet.config
        self.stride: int = stride_of(autoencoder)
        self.shape: tuple[int, int, int] = (config.out_channels, config.sample_size, config.sample_size)
        self.size: int = config.sample_size * self.stride

    # --- answering ---------------------------------------------------------------------------------------------------

    def start(self, batch: int, rng: Streams) -> Latents:
        """Pure noise."""
        return Latents(rng.normal(*self.shape), pure=True)

    def predict(self, state: Latents, level: Level, conditions: Mapping[str, Condition]) -> Estimate:
        """The clean latents foreseen from noisy ones."""
        return self._foreseen(state, level, lambda timestep: self._answer(state.value, timestep, conditions))

    def contrast(self, state: Latents, level: Level) -> Estimate | None:
        """What the weak network foresees, where there is one, in the middle of the walk."""
        if self.weak is None or not SINCE <= level.progress < UNTIL:
            return None
        weak, noisy = self.weak, state.value.to(self.dtype)
        return self._foreseen(state, level, lambda timestep: weak(noisy, timestep).sample)

    def _foreseen(self, state: Latents, level: Level, answer: Callable[[Tensor], Maps]) -> Estimate:
        """The clean latents that an answer at timesteps (B,) tells of."""
        alpha, scale = alpha_scale(level.sigma)
        timestep = torch.full((len(state.value),), self.schedule.time(level), device=state.value.device)
        return Estimate(self.schedule.clean(state.value, answer(timestep), alpha, scale), self._viewer(level))

    def predict_jointly(
        self, state: Latents, level: Level, asked: Sequence[Mapping[str, Condition]]
    ) -> Sequence[Estimate]:
        """The clean latents foreseen under several sets of conditions: one after the other, unless run otherwise."""
        given = joint(asked) if self.exact is not None else None
        if given is None:
            return [self.predict(state, level, conditions) for conditions in asked]
        several = self.predict(state.at(state.value.repeat(len(asked), 1, 1, 1)), level, given)
        return [several.at(point) for point in several.point.chunk(len(asked))]

    def finish(self, state: Latents) -> Images:
        """The picture, by the autoencoder's own decoder."""
        return self._decode(state.value).clamp(-1, 1)

    @contextmanager
    def full_precision(self) -> Iterator[DiffusionGenerator]:
        """A copy with the exact networks, without the autocast that a caller may have put around everything."""
        other = self._as_built()
        with torch.autocast(other.denoiser.unet.device.type, enabled=False):
            yield other

    def _as_built(self) -> DiffusionGenerator:
        """A copy whose networks are run as they were built."""
        other = copy.copy(self)
        other.denoiser, other.autoencoder, other.tiny, other.weak = self._built()
        other.exact, other.dtype = None, torch.float32
        return other

    def _built(self) -> Networks:
        """Its networks as they were built."""
        return self.exact or (self.denoiser, self.autoencoder, self.tiny, self.weak)

    def _seen(self, noisy: Maps) -> Maps:
        """What the network sees of noisy latents."""
        return noisy

    def _viewer(self, level: Level) -> Callable[[Maps], View]:
        """Decodes by the tiny decoder; clipped to the range of pictures without stopping the gradient."""

        def view(point: Maps) -> View:
            image = self._glimpse(point)
            return View(image + (image.clamp(-1, 1) - image).detach(), level=level.progress)

        return view

    def _decode(self, point: Maps) -> Images:
        latents = (point / self.autoencoder.config.scaling_factor).to(self.dtype)
        image: Tensor = self.autoencoder.decode(latents).sample
        return image.to(point.dtype)

    def _glimpse(self, point: Maps) -> Images:
        if self.tiny is None:
            return self._decode(point)
        image: Tensor = self.tiny((point / self.autoencoder.config.scaling_factor).to(self.dtype))
        return image.to(point.dtype)

    # --- starting from a picture -------------------------------------------------------------------------------------

    def encode(self, image: Images) -> Maps:
        """Clean latents (B, C, h, w) of pictures (B, 3, H, W) in [-1, 1]: nothing is random, and nothing rounded."""
        latents = latents_of(self.autoencoder.encode(image.to(self.dtype))).to(image.dtype)
        scaling: float = self.autoencoder.config.scaling_factor
        return latents * scaling

    def restart(self, point: Maps, level: Level | None, rng: Streams) -> Latents:
        """Clean latents with the noise of ``level``; without any at the end of the way."""
        if level is None:
            return Latents(point)
        alpha, scale = alpha_scale(level.sigma)
        return Latents(alpha * point + scale * rng.normal(*point.shape[1:]))

    def known(self, mask: Masks) -> Float[Tensor, "batch 1 rows columns"]:
        """(B, 1, h, w): a latent cell is free if any of its pixels is to be repainted."""
        return functional.max_pool2d(mask, self.stride)

    # --- going back to where a picture came from ---------------------------------------------------------------------

    def null(self, batch: int) -> Mapping[str, Condition]:
        """The sequence that the stock pipeline feeds for an empty prompt, (B, L, D); nothing of who is told nothing."""
        return self.denoiser.ports.null(batch)

    def pack(self, state: Latents) -> dict[str, Tensor]:
        """The noisy latents."""
        return {"latents": state.value}

    def unpack(self, tensors: Mapping[str, Tensor]) -> Latents:
        """A state without history; raises ``ModelFileError`` unless there are latents with this model's channels."""
        latents, channels = tensors.get("latents"), self.denoiser.unet.config.out_channels
        if latents is None or latents.ndim != 4 or latents.shape[1] != channels:
            found = "none" if latents is None else str(tuple(latents.shape))
            message = f"a state of this model has latents (B, {channels}, h, w), found {found}"
            raise ModelFileError(message, field="state", hint="invert the picture with this model")
        return Latents(latents)

    # --- learning ----------------------------------------------------------------------------------------------------

    def players(self) -> Iterator[Player]:
        """One: the denoiser."""
        yield DenoisingPlayer(self.denoiser, self.schedule)

    @property
    def network(self) -> nn.Module:
        """The U-Net; the ports stay as they are."""
        unet: nn.Module = self.denoiser.unet
        return unet

    def loss(self, point: Maps, conditions: Mapping[str, Condition], rng: Streams) -> PerItem:
        """(B,) mean squared errors of what the network predicts, at uniformly drawn times."""
        return errors(self._answer, self.schedule, point, conditions, rng)

    def _answer(self, noisy: Maps, timesteps: Tensor, conditions: Mapping[str, Condition]) -> Maps:
        """What the network says of noisy latents at timesteps (B,)."""
        given = {name: replace(one, value=one.value.to(self.dtype)) for name, one in conditions.items()}
        answer: Tensor = self.denoiser(self._seen(noisy).to(self.dtype), timesteps, given)
        return answer

    def twin(self) -> DiffusionGenerator:
        """A copy with a denoiser of its own, run as it was built, that has nothing weaker once it learns."""
        other = self._as_built()
        other.denoiser, other.weak = copy.deepcopy(other.denoiser), None
        return other

    # --- running faster ----------------------------------------------------------------------------------------------

    def reusing(self, interval: int) -> DiffusionGenerator:
        """A copy that goes below the finest level of its U-Net in one of ``interval`` predictions only."""
        other = copy.copy(self)
        other.denoiser = CachingDenoiser(self.denoiser, interval)
        return other

    def executed(self, execution: Execution) -> DiffusionGenerator:
        """A copy whose networks are run otherwise; raises ``LimitError`` where memory does not suffice for them."""
        other = copy.copy(self)
        other.exact, other.dtype = self._built(), DTYPES[execution.precision]
        denoiser, autoencoder, tiny, weak = other.exact
        other.denoiser, other.autoencoder = (lowered(part, execution.precision) for part in (denoiser, autoencoder))
        other.tiny = None if tiny is None else lowered(tiny, execution.precision)
        other.weak = None if weak is None else lowered(weak, execution.precision)
        unets = [other.denoiser.unet] if other.weak is None else [other.denoiser.unet, other.weak]
        blocks = [block for unet in unets for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks)]
        compile_parts([*blocks, other.autoencoder.decoder], execution.engine)
        return other

    def retuned(self, folder: Path, share: float) -> DiffusionGenerator:
        """A twin with a share of the changes of low rank in a folder; raises as ``lora.read`` and ``lora.merge`` do."""
        twin = self.twin()
        lora.merge(twin.network, lora.read(folder), share)
        return twin
