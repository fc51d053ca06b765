"""The generator: noisy latents as the state, the clean latents it foresees as the estimate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.condition import Condition
from misen.core.errors import ModelFileError
from misen.core.estimate import Estimate
from misen.core.generator import Level, Player
from misen.core.port import Port
from misen.core.seeding import Streams
from misen.core.shapes import Images, Maps, Masks, PerItem
from misen.core.view import View
from misen.generators.diffusion import lora
from misen.generators.diffusion.denoiser import Denoiser
from misen.generators.diffusion.players import DenoisingPlayer
from misen.generators.diffusion.schedule import OURS, Schedule, alpha_scale
from misen.generators.diffusion.state import Latents
from misen.generators.diffusion.tuning import errors


def stride_of(autoencoder: Any) -> int:
    """Pixels per latent cell of an autoencoder, ours or diffusers', along each side."""
    return 2 ** (len(autoencoder.config.block_out_channels) - 1)  # type: ignore[no-any-return]


class DiffusionGenerator:
    """Latent diffusion.

    Args:
        denoiser: predicts what the schedule says it does.
        autoencoder: pictures to latents and back.
        tiny: the decoder of estimates; the autoencoder's own if None.
        schedule: of the noise it was trained with.
        companions: what a saved folder holds besides, by name, each with diffusers' ``save_pretrained``.
        card: what is known of the model.

    Attributes:
        ports: ports by name.
        stride: pixels per cell of the latents, along each side.
        shape: (C, h, w) of the latents of the pictures it makes.
        size: height and width of the pictures it was trained on, in pixels.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        autoencoder: KLAutoencoder | AutoencoderKL,
        tiny: TinyDecoder | None = None,
        *,
        schedule: Schedule = OURS,
        companions: Mapping[str, Any] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        self.denoiser, self.autoencoder, self.tiny = denoiser, autoencoder, tiny
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
        alpha, scale = alpha_scale(level.sigma)
        timestep = torch.full((len(state.value),), self.schedule.timestep(level.sigma), device=state.value.device)
        answer = self.denoiser(self._seen(state.value), timestep, conditions)
        return Estimate(self.schedule.clean(state.value, answer, alpha, scale), self._viewer(level))

    def finish(self, state: Latents) -> Images:
        """The picture, by the autoencoder's own decoder."""
        return self._decode(state.value).clamp(-1, 1)

    def full_precision(self) -> AbstractContextManager[None]:
        """Without the autocast that a caller may have put around everything; the weights are float32 anyway."""
        return torch.autocast(self.denoiser.unet.device.type, enabled=False)

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
        image: Tensor = self.autoencoder.decode(point / self.autoencoder.config.scaling_factor).sample
        return image

    def _glimpse(self, point: Maps) -> Images:
        if self.tiny is None:
            return self._decode(point)
        image: Tensor = self.tiny(point / self.autoencoder.config.scaling_factor)
        return image

    # --- starting from a picture -------------------------------------------------------------------------------------

    def encode(self, image: Images) -> Maps:
        """Clean latents (B, C, h, w) of pictures (B, 3, H, W) in [-1, 1]: the mode, so that nothing is random."""
        latents: Tensor = self.autoencoder.encode(image).latent_dist.mode()
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
        """The sequence that the stock pipeline feeds for an empty prompt, (B, L, D)."""
        ports = self.denoiser.ports
        return {ports.stock_name: Condition.full("tokens", ports.stock.null.repeat(batch, 1, 1))}

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
        answer: Tensor = self.denoiser(self._seen(noisy), timesteps, conditions)
        return answer

    def twin(self) -> DiffusionGenerator:
        """A copy with a denoiser of its own."""
        other = copy.copy(self)
        other.denoiser = copy.deepcopy(self.denoiser)
        return other

    def retuned(self, folder: Path, share: float) -> DiffusionGenerator:
        """A twin with a share of the changes of low rank in a folder; raises as ``lora.read`` and ``lora.merge`` do."""
        twin = self.twin()
        lora.merge(twin.network, lora.read(folder), share)
        return twin
