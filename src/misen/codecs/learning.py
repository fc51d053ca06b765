"""How codecs learn: the autoencoder's game against a patch discriminator, and the distillation of the tiny decoder.

Source: Rombach et al. 2022 (arXiv:2112.10752), section 3.1 and appendix G; van den Oord et al. 2017 (arXiv:1711.00937),
equation 3, for the commitment to codes; Kouzelis et al. 2025 (arXiv:2502.09509), equation 5, for latents that shrink as
pictures do; deviation: halving is the only change of scale, and no rotation is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.kinds import OurAutoencoder
from misen.codecs.quantized import VQAutoencoder
from misen.codecs.tiny import TinyDecoder
from misen.core.generator import Player
from misen.core.shapes import Images, Maps, Scalar
from misen.distributed import Team, average, team
from misen.nn.adversarial import HINGE, adaptive_weight
from misen.nn.discriminators import PatchDiscriminator
from misen.nn.perceptual import Features, perceptual_distance
from misen.nn.quantizer.census import occurrences, perplexity
from misen.nn.quantizer.interface import Counting, Quantized, Tallies

Loss = tuple[Scalar, Mapping[str, float]]


@dataclass(frozen=True)
class CodecLosses:
    """Weights of the autoencoder's losses.

    Attributes:
        perceptual: weight of the distance in features, if there is a network for it.
        adversarial: pull of the discriminator relative to that of reconstruction.
        adversarial_start: step from which the discriminator counts.
        kl: weight of the divergence from the standard normal, summed over a picture's latents.
        commitment: weight of the squared distance between latents and their codes, where there are codes.
        equivariance: weight of the absolute error between the decoded half-size latents and the half-size picture,
            which makes latents smooth and therefore easier to generate.
    """

    perceptual: float = 0.3
    adversarial: float = 0.3
    adversarial_start: int = 2000
    kl: float = 1e-6
    commitment: float = 0.25
    equivariance: float = 0.0


def pictures(batch: Mapping[str, Any]) -> Images:
    """The pictures of a batch that holds "truth", channels last."""
    image: Tensor = batch["truth"].observation.image
    return image.contiguous(memory_format=torch.channels_last)


def reconstruction(made: Images, image: Images, features: Features | None, perceptual: float) -> Loss:
    """Mean absolute error and, with ``features``, the perceptual distance."""
    error = (made.float() - image).abs().mean()
    if features is None:
        return error, {"l1": error.item()}
    distance = perceptual_distance(features, made, image).mean()
    return error + perceptual * distance, {"l1": error.item(), "lpips_coach": distance.item()}


class AutoencoderGame:
    """An autoencoder and its critic; batches hold "truth".

    The critic looks at what the autoencoder made a moment before, so that each picture is reconstructed once a step.
    """

    def __init__(self, autoencoder: OurAutoencoder, losses: CodecLosses, features: Features | None = None) -> None:
        self.autoencoder, self.losses, self.features = autoencoder, losses, features
        self.critic = PatchDiscriminator()
        self.made = torch.empty(0)

    def players(self) -> Iterator[Player]:
        """The autoencoder moves first; there is no critic where it weighs nothing."""
        quantized = isinstance(self.autoencoder, VQAutoencoder)
        yield QuantizedPlayer(self) if quantized else AutoencoderPlayer(self)
        if self.losses.adversarial:
            yield CriticPlayer(self)


class AutoencoderPlayer:
    """Reconstructs, pleases the critic, and keeps the latents near the standard normal."""

    name = "autoencoder"

    def __init__(self, game: AutoencoderGame) -> None:
        self.game = game
        self.module: nn.Module = game.autoencoder

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The autoencoder's loss on one batch."""
        game, image = self.game, pictures(batch)
        latents, penalty, told = self.squeeze(image)
        made = game.autoencoder.decoder(latents)
        game.made = made.detach()
        loss, figures = reconstruction(made, image, game.features, game.losses.perceptual)
        total = loss + penalty
        if game.losses.equivariance:
            total = total + game.losses.equivariance * self._shrinkage(latents, image)
        if game.losses.adversarial and step >= game.losses.adversarial_start:
            total = total + self._persuade(loss, made)
        return total, {**figures, **told}

    def squeeze(self, image: Images) -> tuple[Maps, Scalar, Mapping[str, float]]:
        """What the decoder sees of pictures, what is added to the loss for it, and figures."""
        posterior = self.game.autoencoder.encode(image).latent_dist
        divergence = posterior.kl().mean()
        return posterior.sample(), self.game.losses.kl * divergence, {"kl": divergence.item()}

    def _shrinkage(self, latents: Maps, image: Images) -> Scalar:
        """How far the decoded half-size latents are from the half-size picture."""
        made: Tensor = self.game.autoencoder.decode(functional.avg_pool2d(latents, 2)).sample
        return (made.float() - functional.avg_pool2d(image, 2)).abs().mean()

    def _persuade(self, loss: Scalar, made: Images) -> Scalar:
        """The critic's pull, as strong as that of ``loss`` times its weight."""
        critique = HINGE.made(self.game.critic(made)).mean()
        last = self.game.autoencoder.decoder.exit.weight
        return self.game.losses.adversarial * adaptive_weight(loss, critique, last) * critique


class QuantizedPlayer(AutoencoderPlayer):
    """Reconstructs from codes, pleases the critic, and keeps the latents near their codes."""

    def squeeze(self, image: Images) -> tuple[Maps, Scalar, Mapping[str, float]]:
        """The codes, the price of being far from them, and how evenly the batch uses them."""
        autoencoder: Any = self.game.autoencoder
        latents: Tensor = autoencoder.encode(image).latents
        quantized: Quantized = autoencoder.quantize(latents)
        counts = occurrences(quantized.indices, autoencoder.quantize.codes)
        if isinstance(autoencoder.quantize, Counting):
            tallies = shared(autoencoder.quantize.gather(latents, quantized.indices), team())
            autoencoder.quantize.learn(tallies)
            counts = tallies.counts
        told = {"commitment": quantized.commitment.item(), "perplexity": perplexity(counts)}
        return quantized.value, self.game.losses.commitment * quantized.commitment, told


def shared(tallies: Tallies, everyone: Team) -> Tallies:
    """The means of a team's counts and sums, and the candidates of its first process."""
    tallies.candidates.mul_(everyone.size if everyone.leads else 0)
    average(tallies, everyone)
    return tallies


class CriticPlayer:
    """Tells reconstructions from pictures."""

    name = "critic"

    def __init__(self, game: AutoencoderGame) -> None:
        self.game = game
        self.module: nn.Module = game.critic

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The critic's loss on the pictures and on what was just made of them."""
        image = pictures(batch)
        real, fake = self.game.critic(torch.cat([image, self.game.made.to(image.dtype)])).chunk(2)
        return HINGE.discriminator(real, fake), {"real": real.mean().item(), "made": fake.mean().item()}


class TinyPlayer:
    """Distils a decoder: shows what the large one shows, also for latents that are a little off.

    Args:
        tiny: the decoder that learns.
        autoencoder: the frozen teacher.
        features: network of the perceptual distance, if any.
        perceptual: weight of that distance.
        noise: standard deviation of the noise added to the latents, relative to theirs.
    """

    name = "tiny"

    def __init__(
        self,
        tiny: TinyDecoder,
        autoencoder: KLAutoencoder,
        features: Features | None = None,
        perceptual: float = 0.3,
        noise: float = 0.1,
    ) -> None:
        self.module: nn.Module = tiny
        self.autoencoder = autoencoder.requires_grad_(False).eval()
        self.features, self.perceptual, self.noise = features, perceptual, noise

    def players(self) -> Iterator[Player]:
        """Itself alone."""
        yield self

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The distance between the two decoders on one batch of "truth"."""
        with torch.no_grad():
            image = pictures(batch)
            latents = self.autoencoder.encode(image).latent_dist.mode()
            latents = latents + torch.rand(len(latents), 1, 1, 1) * self._noise_like(latents)
            goal = self.autoencoder.decode(latents).sample.float()
        return reconstruction(self.module(latents), goal, self.features, self.perceptual)

    def _noise_like(self, latents: Tensor) -> Tensor:
        size: float = self.noise / self.autoencoder.config.scaling_factor
        return torch.randn(latents.shape) * size
