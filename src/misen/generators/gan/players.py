"""The game: networks that make pictures and rebuild given ones, and critics that tell what is made from what is real.

The generator moves first. The critics then look at the pictures it has just made, so that each is made once a step.

Source: Karras et al. 2020 (arXiv:1912.04958), section 2, for mixed latents and lazy penalties; Huang et al. 2025
(arXiv:2501.05441), section 2, for a relativistic loss under R1 and R2; Tov et al. 2021 (arXiv:2102.02766), section 4,
for small offsets; Kolouri et al. 2018 (arXiv:1804.01947), section 3, for latents of pictures that are spread as those
that are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from misen.codecs.learning import reconstruction
from misen.core.generator import Player
from misen.core.shapes import Images, Scalar
from misen.generators.gan.networks import StyleNetworks
from misen.generators.gan.synthesis import LatentsPlus
from misen.nn.adversarial import ADVERSARIAL, zero_centred_penalty
from misen.nn.augment import augment
from misen.nn.perceptual import Features
from misen.nn.transport import sliced_distance

Loss = tuple[Scalar, Mapping[str, float]]
Verdicts = list[Float[Tensor, "batch _"]]
"""The logits of each critic."""
Compare = Callable[[Tensor, Tensor], Scalar]
"""Logits of real and of made pictures -> a loss."""


@dataclass(frozen=True)
class Rules:
    """What counts how much.

    Attributes:
        adversarial: name of the adversarial loss.
        penalty: weight of the squared gradients of the critics, of real and of made pictures.
        penalty_every: steps from one penalty to the next, which then weighs as much more.
        augmentations: what the critics see pictures through, one after another.
        mixing: share of made pictures whose coarse and fine layers have latents of their own.
        rebuilding: weight of rebuilding pictures from what the encoder sees, beside the adversarial loss.
        rebuilding_every: steps from one such loss to the next.
        perceptual: weight of the perceptual distance of rebuilt pictures, beside the absolute error.
        offsets: weight of the squares of what the encoder adds for single layers.
        spread: weight of the distance between latents of pictures and those that are drawn.
    """

    adversarial: Literal["relativistic", "non_saturating", "hinge", "least_squares", "wasserstein"] = "relativistic"
    penalty: float = 0.1
    penalty_every: int = 8
    augmentations: Sequence[Literal["color", "translation", "cutout"]] = ("color", "translation", "cutout")
    mixing: float = 0.5
    rebuilding: float = 1.0
    rebuilding_every: int = 4
    perceptual: float = 0.3
    offsets: float = 0.01
    spread: float = 0.1


@dataclass(frozen=True)
class Critic:
    """A discriminator, and what it looks through.

    Attributes:
        network: what it sees -> logits (B, places).
        look: pictures (B, 3, H, W) -> what it sees; never trained.
    """

    network: nn.Module
    look: Callable[[Images], Any]

    def __call__(self, images: Images) -> Float[Tensor, "batch places"]:
        """(B, 3, H, W) in [-1, 1] -> (B, places)."""
        logits: Tensor = self.network(self.look(images))
        return logits


class StyleGame:
    """A generator and its critics; batches hold "pictures" (B, 3, H, W).

    Args:
        networks: mapping, synthesis and encoder.
        critics: at least one.
        rules: what counts how much.
        features: network of the perceptual distance; none where it weighs nothing.
    """

    def __init__(
        self, networks: StyleNetworks, critics: Sequence[Critic], rules: Rules, features: Features | None = None
    ) -> None:
        self.networks, self.critics, self.rules, self.features = networks, critics, rules, features
        self.adversarial = ADVERSARIAL[rules.adversarial]
        self.made = torch.empty(0)

    def players(self) -> Iterator[Player]:
        """The generator moves first."""
        yield GeneratorPlayer(self)
        yield CriticsPlayer(self)

    def beginners(self) -> Iterator[Player]:
        """The same networks before there is anybody to please."""
        yield RebuildingPlayer(self)

    def draw(self, count: int) -> Images:
        """Pictures of drawn latents, (count, 3, H, W), not clipped."""
        networks = self.networks
        first, second = (networks.spread(self._latents(count)) for _ in range(2))
        noise = torch.randn(count, networks.synthesis.inputs, device=first.device)
        made: Tensor = networks.synthesis(mixed(first, second, self.rules.mixing), noise)
        return made

    def _latents(self, count: int) -> Float[Tensor, "{count} latent"]:
        """Drawn ones."""
        mapping = self.networks.mapping
        latents: Tensor = mapping(torch.randn(count, self.networks.settings.draws, device=mapping.mean.device))
        return latents

    def rebuild(self, image: Images) -> Loss:
        """What is wrong with pictures (B, 3, H, W) rebuilt, and with the latents they are rebuilt from."""
        networks, rules = self.networks, self.rules
        base, offsets = networks.encoder(image)
        rebuilt = networks.synthesis(base[:, None] + offsets, networks.silence(len(image)))
        loss, figures = reconstruction(rebuilt, image, self.features, rules.perceptual)
        apart = sliced_distance(base, self._latents(len(image)).detach())
        size = offsets.float().square().mean()
        told = {**figures, "spread": apart.item(), "offsets": size.item()}
        return loss + rules.spread * apart + rules.offsets * size, told

    def verdicts(self, images: Images) -> Verdicts:
        """What each critic says of pictures, which it sees augmented."""
        seen = augment(images.float(), self.rules.augmentations)
        return [critic(seen) for critic in self.critics]


class GeneratorPlayer:
    """Makes pictures that please the critics, and from time to time rebuilds given ones."""

    name = "generator"

    def __init__(self, game: StyleGame) -> None:
        self.game = game
        self.module: nn.Module = game.networks

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The generator's loss on one batch."""
        game, rules = self.game, self.game.rules
        image, made = pictures(batch), game.draw(len(batch["pictures"]))
        game.made = made.detach().float()
        with torch.no_grad():
            real = game.verdicts(image)
        loss = compared(game.adversarial.generator, real, game.verdicts(made))
        figures: Mapping[str, float] = {"adversarial": loss.item()}
        if rules.rebuilding and step % rules.rebuilding_every == 0:
            rebuilding, told = game.rebuild(self._halves(image))
            loss, figures = loss + rules.rebuilding * rebuilding, {**figures, **told}
        return loss, figures

    def _halves(self, image: Images) -> Images:
        """Half of the pictures, and half of those just made."""
        half = len(image) // 2
        return torch.cat([image[:half], self.game.made[half:].clamp(-1, 1)])


class CriticsPlayer:
    """Tell what was just made from what is real."""

    name = "critics"

    def __init__(self, game: StyleGame) -> None:
        self.game = game
        self.module: nn.Module = nn.ModuleList(critic.network for critic in game.critics)

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The critics' loss on one batch."""
        game, rules = self.game, self.game.rules
        due = rules.penalty > 0 and step % rules.penalty_every == 0
        image, made = (some.detach().requires_grad_(due) for some in (pictures(batch), game.made))
        real, fake = game.verdicts(image), game.verdicts(made)
        loss = compared(game.adversarial.discriminator, real, fake)
        figures = {"real": _mean(real), "made": _mean(fake)}
        if not due:
            return loss, figures
        slopes = [zero_centred_penalty(said, some) for some, both in ((image, real), (made, fake)) for said in both]
        penalty = torch.stack(slopes).sum() / len(game.critics)
        return loss + 0.5 * rules.penalty * rules.penalty_every * penalty, {**figures, "penalty": penalty.item()}


class RebuildingPlayer:
    """An autoencoder, as which the networks begin; latents of pictures learn to lie where drawn ones do."""

    name = "rebuilding"

    def __init__(self, game: StyleGame) -> None:
        self.game = game
        self.module: nn.Module = game.networks

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What is wrong with the rebuilt pictures of one batch."""
        return self.game.rebuild(pictures(batch))


def compared(compare: Compare, real: Verdicts, fake: Verdicts) -> Scalar:
    """The mean over the critics."""
    return torch.stack([compare(one, other) for one, other in zip(real, fake, strict=True)]).mean()


def mixed(first: LatentsPlus, second: LatentsPlus, share: float) -> LatentsPlus:
    """Points (B, layers, width) of which a share is the first up to some layer, and the second from there on."""
    count, layers = first.shape[:2]
    change = torch.randint(1, layers, (count, 1), device=first.device)
    change = torch.where(torch.rand(count, 1, device=first.device) < share, change, layers)
    return torch.where((torch.arange(layers, device=first.device) < change)[..., None], first, second)


def pictures(batch: Mapping[str, Any]) -> Images:
    """The pictures of a batch, channels last."""
    image: Tensor = batch["pictures"]
    return image.contiguous(memory_format=torch.channels_last)


def _mean(verdicts: Verdicts) -> float:
    return torch.cat([said.detach().float().flatten() for said in verdicts]).mean().item()
