"""How translating networks learn: a painter against critics of patches that see the maps, beside the true picture.

Source: Wang et al. 2017 (arXiv:1711.11585), equation 5, and Park et al. 2019 (arXiv:1903.07291), section 3.3 and
appendix A, for the painter; Zhang et al. 2020 (arXiv:2004.05571), section 3.3, for one that matches exemplars;
deviations: an exemplar shows the same head as the picture does, so the picture itself serves as pseudo reference; what
is brought over from an exemplar is compared in a frozen network's features, which colors alone do not tell apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.generator import Player
from misen.core.shapes import Flags, Images, Maps, PerItem, Pyramids, Scalar
from misen.generators.gan.translation.correspondence import CELL, Match
from misen.generators.gan.translation.field import Conditions, MapField
from misen.generators.gan.translation.network import Composed, TranslationNetwork
from misen.nn.adversarial import ADVERSARIAL
from misen.nn.contextual import contextual_distance
from misen.nn.discriminators import MultiScaleDiscriminator, Opinion, feature_gap
from misen.nn.fusion.correspondence import warp
from misen.nn.perceptual import Features, maps_distance

Game = Literal["hinge", "non_saturating", "least_squares", "relativistic"]
Loss = tuple[Scalar, Mapping[str, float]]
Terms = Mapping[str, Scalar]
"""What is added up, by name, before it is weighed."""
DEEP = 2
"""Feature maps from this one on tell what is there rather than exactly where."""


@dataclass(frozen=True)
class PainterWeights:
    """Of the losses of anyone who paints; ``adversarial`` names the game, which itself weighs 1.

    Attributes:
        adversarial: name of an adversarial loss.
        features: of the gap between the critics' features of what was painted and of the true picture.
        lpips_coach: of the perceptual distance to the true picture.
        absolute: of the absolute error.
    """

    adversarial: Game = "hinge"
    features: float = 10.0
    lpips_coach: float = 3.0
    absolute: float = 3.0


@dataclass(frozen=True)
class Weights(PainterWeights):
    """Of the losses of a painter of maps.

    Attributes:
        divergence: of that of what vectors tell of the style from the standard normal.
    """

    divergence: float = 0.01


@dataclass(frozen=True)
class MatchingWeights:
    """Of the further losses of a painter that matches exemplars.

    Attributes:
        alignment: of the absolute difference between a picture and its maps in their shared domain.
        cycle: of the absolute difference between an exemplar and itself after being brought over and back.
        warp: of the unlikeness of the picture and the exemplar brought to it, in the coach's features.
        contextual: of the contextual distance from what was painted to the exemplar.
    """

    alignment: float = 10.0
    cycle: float = 1.0
    warp: float = 3.0
    contextual: float = 0.5


@dataclass(frozen=True)
class CriticSettings:
    """Size of the critics.

    Attributes:
        field: channels in which they see the maps.
        width: channels of their first layer.
        scales: how many there are.
    """

    field: int = 16
    width: int = 48
    scales: int = 2


class Critic(nn.Module):
    """Critics of patches that see the maps."""

    def __init__(self, settings: CriticSettings, widths: Mapping[str, int], side: int) -> None:
        """``widths`` are those of the maps, by port; ``side`` is half the pictures' size."""
        super().__init__()
        self.maps = MapField(widths, settings.field, side)
        self.judge = MultiScaleDiscriminator(settings.field, settings.width, settings.scales)

    def forward(self, image: Images, conditions: Conditions) -> list[Opinion]:
        """Opinions by scale of pictures under conditions."""
        opinions: list[Opinion] = self.judge(image, self.maps(conditions, len(image))[0])
        return opinions


class TranslationGame:
    """A painter and its critics; batches hold "image" (B, 3, size, size) and "conditions" by port.

    The critics look at what the painter made a moment before, so that each picture is painted once a step.

    Args:
        network: what paints.
        features: a frozen network's feature maps, for perceptual distances.
        weights: of the painter's losses.
        matching: of those of a painter that matches exemplars.
        critic: size of the critics.
    """

    def __init__(
        self,
        network: TranslationNetwork,
        features: Features,
        weights: Weights,
        critic: CriticSettings,
        matching: MatchingWeights | None = None,
    ) -> None:
        self.network, self.features, self.weights, self.matching = network, features, weights, matching
        self.critic = Critic(critic, network.table.maps, network.settings.side)
        self.loss = ADVERSARIAL[weights.adversarial]
        self.made = torch.empty(0)

    def players(self) -> Iterator[Player]:
        """The painter moves first."""
        yield PaintingPlayer(self) if self.matching is None else MatchingPlayer(self, self.matching)
        yield CriticPlayer(self)


@dataclass(frozen=True)
class Painted:
    """What was painted, of what, and what a frozen network sees in it and in the true picture."""

    image: Images
    composed: Composed
    seen: Pyramids
    true: Pyramids


class PaintingPlayer:
    """Paints, pleases the critics, and comes near the true picture where there are maps to follow."""

    name = "painter"

    def __init__(self, game: TranslationGame) -> None:
        self.game = game
        self.module: nn.Module = game.network
        self.weights = {name: weight for name, weight in asdict(game.weights).items() if name != "adversarial"}

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The painter's loss on one batch."""
        painted = self._paint(batch)
        self.game.made = painted.image.detach()
        terms = self.terms(painted, batch)
        total = torch.stack([self.weights.get(name, 1.0) * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}

    def terms(self, painted: Painted, batch: Mapping[str, Any]) -> Terms:
        """What the painter pays for."""
        image, placed = batch["image"], painted.composed.placed
        critique, gap = self._critique(painted, batch)
        return {
            "adversarial": critique,
            "features": among(gap, placed),
            "lpips_coach": among(maps_distance(painted.seen, painted.true), placed),
            "absolute": among((painted.image - image).abs().mean(dim=(1, 2, 3)), placed),
            "divergence": painted.composed.belief.divergence().mean(),
        }

    def _paint(self, batch: Mapping[str, Any]) -> Painted:
        network = self.game.network
        noise = torch.randn(len(batch["image"]), network.settings.style, device=batch["image"].device)
        composed = network.compose(batch["conditions"], noise)
        image = network.paint(composed.belief.at(noise), composed.field)
        with torch.no_grad():
            true = self.game.features(batch["image"])
        return Painted(image, composed, tuple(self.game.features(image)), tuple(true))

    def _critique(self, painted: Painted, batch: Mapping[str, Any]) -> tuple[Scalar, PerItem]:
        """What the game costs, and how far the critics' features are from those of the true picture."""
        made = self.game.critic(painted.image, batch["conditions"])
        with torch.no_grad():
            real = self.game.critic(batch["image"], batch["conditions"])
        costs = [self.game.loss.generator(b.logits, a.logits) for a, b in zip(made, real, strict=True)]
        return torch.stack(costs).mean(), feature_gap(made, real)


class MatchingPlayer(PaintingPlayer):
    """Finds the parts of an exemplar, and paints with what it finds; batches hold exemplars under their port."""

    def __init__(self, game: TranslationGame, weights: MatchingWeights) -> None:
        super().__init__(game)
        self.weights |= asdict(weights)

    def terms(self, painted: Painted, batch: Mapping[str, Any]) -> Terms:
        """What the painter pays for, that of matching too if there is anything to match."""
        terms = super().terms(painted, batch)
        exemplar = batch["conditions"].get(self.game.network.table.exemplar)
        match, matcher = painted.composed.match, self.game.network.matcher
        if match is None or matcher is None:
            return terms
        with torch.no_grad():
            shown = self.game.features(exemplar.value)
        both = painted.composed.placed & exemplar.present
        gap = (match.sought - matcher.look(batch["image"])).abs().mean(dim=(1, 2, 3))
        near = [contextual_distance(a, b) for a, b in zip(painted.seen[DEEP:], shown[DEEP:], strict=True)]
        return {
            **terms,
            "alignment": among(gap, both),
            "cycle": among(returned(match, exemplar.value), both),
            "warp": among(unlikeness(match, painted.true, shown), both),
            "contextual": among(torch.stack(near).mean(dim=0), both),
        }


class CriticPlayer:
    """Tells painted pictures from true ones, under the maps of the true one."""

    name = "critic"

    def __init__(self, game: TranslationGame) -> None:
        self.game = game
        self.module: nn.Module = game.critic

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The critics' loss on the pictures and on what was just painted of their maps."""
        real, made = (self.game.critic(image, batch["conditions"]) for image in (batch["image"], self.game.made))
        costs = [self.game.loss.discriminator(a.logits, b.logits) for a, b in zip(real, made, strict=True)]
        told = {"real": real[0].logits.mean().item(), "made": made[0].logits.mean().item()}
        return torch.stack(costs).mean(), told


def among(values: PerItem, rows: Flags) -> Scalar:
    """The mean of (B,) values of the items of ``rows``; 0 if there are none."""
    return (values * rows).sum() / rows.sum().clamp(min=1)


def returned(match: Match, exemplar: Images) -> PerItem:
    """(B,) how far the cells of exemplars are from themselves after they were brought to the maps and back."""
    cells = functional.avg_pool2d(exemplar, CELL)
    rows = cells.shape[2]
    back = warp(match.back(), warp(match.shares(), cells, rows), rows)
    return (back - cells).abs().mean(dim=(1, 2, 3))


def unlikeness(
    match: Match, true: Sequence[Float[Tensor, "batch _ _ _"]], shown: Sequence[Float[Tensor, "batch _ _ _"]]
) -> PerItem:
    """(B,) 1 - cosine of what is in a picture and what is brought there from an exemplar, averaged over places.

    Args:
        match: of the picture's maps and the exemplar.
        true: feature maps of the pictures, shallow to deep, of which one has the grid of the match.
        shown: of the exemplars.
    """
    rows = match.sought.shape[2]
    wanted, there = (_of_side(maps, rows).float() for maps in (true, shown))
    return 1 - functional.cosine_similarity(warp(match.shares(), there, rows), wanted, dim=1).mean(dim=(1, 2))


def _of_side(maps: Sequence[Float[Tensor, "batch _ _ _"]], side: int) -> Maps:
    """The feature map of that height."""
    return next(map_ for map_ in maps if map_.shape[2] == side)
