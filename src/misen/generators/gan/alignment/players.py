"""How an alignment learns: from pictures, what is said of them, and the frozen networks of their generator.

Source: Xia et al. 2021 (arXiv:2012.03308), section 3, for latents of other modalities that are drawn to those of the
picture layer by layer; Nix & Weigend 1994 (doi:10.1109/ICNN.1994.374138) for sureness that is learned from errors; van
den Oord et al. 2018 (arXiv:1807.03748), equation 4, for telling them from those of other pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from misen.core.energy import Energy
from misen.core.generator import Player
from misen.core.shapes import Flags, Images, PerItem, Scalar, Vectors
from misen.core.signal import Signal
from misen.core.view import View
from misen.generators.gan.alignment.network import Alignment, agreed
from misen.generators.gan.networks import StyleNetworks
from misen.generators.gan.players import Loss, pictures
from misen.generators.gan.translation.players import among
from misen.generators.gan.translation.style import Belief
from misen.nn.contrastive import info_nce, similarities

Liken = Callable[[Images], Callable[[Images], PerItem]]
"""Given pictures -> made ones -> how far each is from its own, (B,) >= 0."""
Suits = Callable[[Signal, Any], Bool[Tensor, "batch batch"]]
"""B signals and the truth of B pictures -> (B, B), which signals (rows) are true of which pictures."""


@dataclass(frozen=True)
class AligningRules:
    """What counts how much.

    Attributes:
        alignment: weight of the squared error of what each modality says alone, and of what all say together.
        sureness: weight of the negative log-likelihood of the picture's latents, of which sureness alone learns.
        contrast: weight of finding the latents of one's own picture among those of the batch.
        temperature: of the cosines by which they are found.
        obedience: weight of the energies of what is said, of pictures that are made of it.
        likeness: weight of the distance from the true picture, of pictures of what is likeliest.
    """

    alignment: float = 1.0
    sureness: float = 0.5
    contrast: float = 0.2
    temperature: float = 0.1
    obedience: float = 0.5
    likeness: float = 0.5


class AligningGame:
    """An alignment and the networks that it is for.

    Batches hold "pictures" (B, 3, H, W) and their "truth"; "conditions" and "signals" by port, the signals of all items
    and the conditions null where nothing is told.

    Args:
        networks: of the generator, frozen.
        alignment: what learns.
        rules: what counts how much.
        energies: by port, of networks that may steer.
        liken: how like pictures are to given ones, by the same networks.
        suits: which signals are true of the pictures of others, which are then no wrong answers.
    """

    def __init__(
        self,
        networks: StyleNetworks,
        alignment: Alignment,
        rules: AligningRules,
        energies: Mapping[str, Energy],
        liken: Liken,
        suits: Suits,
    ) -> None:
        self.networks, self.alignment, self.rules = networks, alignment, rules
        self.energies, self.liken, self.suits = energies, liken, suits

    def players(self) -> Iterator[Player]:
        """One alone."""
        yield AligningPlayer(self)


@dataclass(frozen=True)
class Heard:
    """What a batch says, and what is true.

    Attributes:
        alone: what each port says of the items, with those of which it says something.
        together: what all of them say.
        goal: (B, D) coordinates of the pictures.
    """

    alone: Mapping[str, tuple[Belief, Flags]]
    together: Belief
    goal: Vectors


class AligningPlayer:
    """Says of pictures where they lie, how surely, and in such a way that pictures of it are what was said."""

    name = "alignment"

    def __init__(self, game: AligningGame) -> None:
        self.game = game
        self.module: nn.Module = game.alignment
        self.weights = {name: weight for name, weight in asdict(game.rules).items() if name != "temperature"}

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What is wrong with what is said of one batch."""
        heard = self._hear(batch)
        terms = {**self._latents(heard), "contrast": self._contrast(heard, batch), **self._shown(heard, batch)}
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        apart = {name: among(squares(belief, heard.goal), rows) for name, (belief, rows) in heard.alone.items()}
        return total, {name: term.item() for name, term in {**terms, **apart}.items()}

    def _hear(self, batch: Mapping[str, Any]) -> Heard:
        game, conditions = self.game, batch["conditions"]
        with torch.no_grad():
            goal = game.alignment.coordinates(game.networks.encode(pictures(batch)).float())
        opinions = game.alignment.listen(conditions)
        alone = {name: (agreed([one], goal), conditions[name].present) for name, one in opinions.items()}
        return Heard(alone, agreed(list(opinions.values()), goal), goal)

    def _latents(self, heard: Heard) -> Mapping[str, Scalar]:
        """How far what is said is from the pictures' latents, and how well it is known how far."""
        everyone = torch.ones(len(heard.goal), dtype=torch.bool, device=heard.goal.device)
        beliefs = [*heard.alone.values(), (heard.together, everyone)]
        return {
            "alignment": _mean(among(squares(belief, heard.goal), rows) for belief, rows in beliefs),
            "sureness": _mean(among(surprise(belief, heard.goal), rows) for belief, rows in beliefs),
        }

    def _contrast(self, heard: Heard, batch: Mapping[str, Any]) -> Scalar:
        """How hard it is to find one's own picture by what is said of it; 0 where nothing is."""
        direction, scale = self.game.alignment.coordinates.direction, 1 / self.game.rules.temperature
        found = [heard.goal.new_zeros(())]
        for name, (belief, rows) in heard.alone.items():
            if rows.any():
                logits = similarities(direction(belief.mean[rows]), direction(heard.goal[rows]), scale)
                suits = self.game.suits(batch["signals"][name], batch["truth"]).to(rows.device)
                found.append(info_nce(logits, suits[rows][:, rows]))
        return torch.stack(found).sum() / max(1, len(found) - 1)

    def _shown(self, heard: Heard, batch: Mapping[str, Any]) -> Mapping[str, Scalar]:
        """What is wrong with pictures: half of them of what is likeliest, half of seeds as far as they are free."""
        image = pictures(batch)
        likeliest = torch.arange(len(image), device=image.device) % 2 == 0
        liken = self.game.liken(image)
        view = View(self._show(heard.together, likeliest))
        return {"obedience": self._obedience(view, batch), "likeness": among(liken(view.image), likeliest)}

    def _show(self, belief: Belief, likeliest: Flags) -> Images:
        """Pictures of a belief, in the range of pictures without stopping the gradient."""
        networks, coordinates = self.game.networks, self.game.alignment.coordinates
        draws = torch.randn(len(likeliest), networks.settings.draws, device=likeliest.device)
        free = (~likeliest)[:, None]
        with torch.no_grad():
            chance = coordinates(networks.spread(networks.mapping(draws)).float()) * free
        noise = torch.randn(len(likeliest), networks.synthesis.inputs, device=likeliest.device) * free
        made = networks.synthesis(coordinates.point(belief.at(chance)), noise).float()
        image: Tensor = made + (made.clamp(-1, 1) - made).detach()
        return image

    def _obedience(self, view: View, batch: Mapping[str, Any]) -> Scalar:
        """The mean over the ports of what their energies say of the items that they are told of."""
        asked = batch["conditions"].items()
        costs = [
            among(self.game.energies[name].begin(batch["signals"][name], view)(view), condition.present)
            for name, condition in asked
        ]
        return torch.stack(costs).mean()


def squares(belief: Belief, goal: Vectors) -> PerItem:
    """(B,) mean squared error of what is believed; 1 of those who believe what holds of any picture."""
    return (belief.mean - goal).square().mean(dim=1)


def surprise(belief: Belief, goal: Vectors) -> PerItem:
    """(B,) negative log-likelihood of the goal, mean over the coordinates and up to a constant; of sureness alone."""
    error = (belief.mean - goal).detach().square()
    return 0.5 * (error * belief.precision - belief.precision.log()).mean(dim=1)


def _mean(values: Iterator[Scalar]) -> Scalar:
    return torch.stack(list(values)).mean()
