"""The game of a stacked generator, whose critics refuse wrong words as well as made pictures.

The generator moves first. The critics then look at what it has just made, so that each picture is made once a step.

Source: Reed et al. 2016 (arXiv:1605.05396), algorithm 1, for real pictures with the words of others; deviation: any
adversarial loss takes the place of the logarithms. Karras et al. 2019 (arXiv:1912.04958), section 3.1, for penalties
in one step of several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.generator import Player
from misen.core.shapes import Images, Scalar, Vectors
from misen.generators.gan.stacked.contrast import Contrast, ContrastWeights, Spoken
from misen.generators.gan.stacked.discriminator import StackedDiscriminator, Verdicts
from misen.generators.gan.stacked.network import StackedNetwork
from misen.nn.adversarial import ADVERSARIAL, zero_centred_penalty
from misen.nn.augment import augment

Loss = tuple[Scalar, Mapping[str, float]]
Pictures = Sequence[Float[Tensor, "batch 3 _ _"]]
"""The same pictures at every size, coarse to fine."""


@dataclass(frozen=True)
class StackedRules:
    """What counts how much.

    Attributes:
        adversarial: name of the adversarial loss.
        penalty: weight of the squared gradients of the critics, of real and of made pictures.
        penalty_every: steps from one penalty to the next, which then weighs as much more.
        augmentations: what the critics see pictures through, one after another.
        contrast: weights of the contrasts with words.
    """

    adversarial: str = "relativistic"
    penalty: float = 0.1
    penalty_every: int = 8
    augmentations: Sequence[str] = ("translation", "cutout")
    contrast: ContrastWeights = field(default_factory=ContrastWeights)


class StackedGame:
    """A generator's network and its critics.

    Batches hold "pictures" (B, 3, H, W); "conditions" by port; "strange", the conditions of other items; "contradicted"
    (B,) bool, where the picture refutes these; and, where words are contrasted, "spoken": "rows" (B,) bool, which items
    are told a sentence; "tokens" (B, L, D), "counted" (B, L) and "places" (B, E) of these; "denied" and "shown" (B, V)
    bool, what the sentences deny and what the pictures show.
    """

    def __init__(
        self,
        networks: StackedNetwork,
        critics: StackedDiscriminator,
        rules: StackedRules,
        contrast: Contrast | None = None,
    ) -> None:
        self.networks, self.critics, self.rules, self.contrast = networks, critics, rules, contrast
        self.adversarial = ADVERSARIAL[rules.adversarial]
        self.made: Pictures = []

    def players(self) -> Iterator[Player]:
        """The generator moves first; whoever matches words, where they are contrasted, moves last."""
        yield StackedPlayer(self)
        yield CriticsPlayer(self)
        if self.contrast is not None and self.contrast.weights.words:
            yield MatchingPlayer(self.contrast)

    def make(self, batch: Mapping[str, Any]) -> Pictures:
        """Pictures of new noise under the batch's conditions, at every size."""
        noise = torch.randn(len(batch["pictures"]), self.networks.inputs, device=batch["pictures"].device)
        return self.networks.show(self.networks.decide(noise, batch["conditions"]), noise)

    def sizes(self, pictures: Images) -> Pictures:
        """Real pictures as small as those that are made."""
        return [functional.adaptive_avg_pool2d(pictures, size) for size in self.networks.settings.sizes]

    def look(self, pictures: Pictures) -> list[Vectors]:
        """What the critics see of pictures."""
        return self.critics.look([augment(some, self.rules.augmentations) for some in pictures])


class StackedPlayer:
    """Makes pictures that pass for real ones with their words, and that are told apart by them."""

    name = "generator"

    def __init__(self, game: StackedGame) -> None:
        self.game = game
        self.module: nn.Module = game.networks

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What the critics say of made pictures, and the contrasts with words."""
        game, conditions = self.game, batch["conditions"]
        made = game.make(batch)
        game.made = [some.detach() for some in made]
        with torch.no_grad():
            real = game.critics.judge(game.look(game.sizes(batch["pictures"])), conditions)
        loss = game.adversarial.generator(real, game.critics.judge(game.look(made), conditions))
        if game.contrast is None:
            return loss, {}
        spoken = Spoken.of(batch)
        pull, figures = game.contrast.hold(made[-1][spoken.rows], spoken)
        return loss + pull, figures


class CriticsPlayer:
    """Tells what was just made from what is real, and real pictures with the words of others from those with theirs."""

    name = "critics"

    def __init__(self, game: StackedGame) -> None:
        self.game = game
        self.module: nn.Module = game.critics

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """The mean of both games and, in some steps, the penalties."""
        game, critics, rules = self.game, self.game.critics, self.game.rules
        due = rules.penalty > 0 and step % rules.penalty_every == 0
        real, made = (_watched(some, due) for some in (game.sizes(batch["pictures"]), game.made))
        seen = game.look(real)
        true, wrong = critics.judge(seen, batch["conditions"]), critics.judge(seen, batch["strange"])
        false = critics.judge(game.look(made), batch["conditions"])
        loss = self._refuse(true, false, torch.where(batch["contradicted"], wrong, false))
        figures = {"real": true.mean().item(), "made": false.mean().item()}
        figures |= ranked(true, wrong, batch["contradicted"])
        if not due:
            return loss, figures
        penalty = _penalty(true, real) + _penalty(false, made)
        return loss + 0.5 * rules.penalty * rules.penalty_every * penalty, {**figures, "penalty": penalty.item()}

    def _refuse(self, true: Verdicts, false: Verdicts, wrong: Verdicts) -> Scalar:
        """Made pictures, and real ones with the words of others, weigh as much as each other."""
        game = self.game.adversarial
        return (game.discriminator(true, false) + game.discriminator(true, wrong)) / 2


class MatchingPlayer:
    """Learns which words belong to which regions, from real pictures alone."""

    name = "matching"

    def __init__(self, contrast: Contrast) -> None:
        self.contrast = contrast
        self.module: nn.Module = contrast.matching

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What matching pays for the batch's pictures and sentences."""
        return self.contrast.learn(Spoken.of(batch)), {}


def ranked(true: Verdicts, wrong: Verdicts, contradicted: Bool[Tensor, " batch"]) -> dict[str, float]:
    """The share of pictures that look better with their own words than with those of another that they refute."""
    if not contradicted.any():
        return {}
    return {"ranked": (true > wrong)[:, contradicted].float().mean().item()}


def _watched(pictures: Pictures, due: bool) -> Pictures:
    """The same pictures, at which gradients are taken if they are due."""
    return [some.detach().requires_grad_(due) for some in pictures]


def _penalty(verdicts: Verdicts, pictures: Pictures) -> Scalar:
    """The sum over the sizes."""
    return torch.stack([zero_centred_penalty(said, some) for said, some in zip(verdicts, pictures, strict=True)]).sum()
