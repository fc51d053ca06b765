"""Translation without pairs: there and back again, between maps of parts and pictures that do not belong together.

Source: Zhu et al. 2017 (arXiv:1703.10593), section 3, for coming back to where one began; deviation: a map is compared
with itself by the share of each part at each place. Park et al. 2020 (arXiv:2007.15651), section 3, for patches that
find each other, and Han et al. 2021 (arXiv:2104.07689), section 3.2, for an encoder on either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.generator import Player
from misen.core.shapes import Images, Maps, Scalar
from misen.generators.gan.translation.concat import NormedConvolution
from misen.nn.adversarial import HINGE
from misen.nn.contrastive import PatchContrast
from misen.nn.discriminators import PatchCritic

Loss = tuple[Scalar, Mapping[str, float]]
CELL = 2
"""Height and width, in pixels, of a place of the finest features."""


class Translator(nn.Module):
    """A U-Net between two kinds of maps of one size; nothing runs at full resolution.

    Args:
        inputs: channels that come in.
        outputs: channels that go out.
        widths: channels of the features, coarse to fine, each grid twice as fine as the one before.

    Attributes:
        widths: channels of the features on the way in, fine to coarse.
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        steps = list(pairwise(widths))
        self.widths = tuple(reversed(widths))
        self.entry = NormedConvolution(CELL**2 * inputs, widths[-1])
        self.downs = nn.ModuleList(NormedConvolution(fine, coarse, 2) for coarse, fine in reversed(steps))
        self.middle = NormedConvolution(widths[0], widths[0])
        self.ups = nn.ModuleList(NormedConvolution(coarse + fine, fine) for coarse, fine in steps)
        self.exit = nn.Conv2d(widths[-1], CELL**2 * outputs, 3, padding=1)

    def forward(self, x: Float[Tensor, "batch _ rows columns"]) -> Float[Tensor, "batch _ rows columns"]:
        """(B, inputs, h, w) -> (B, outputs, h, w)."""
        skips = self.features(x)
        x = self.middle(skips.pop())
        for up in self.ups:
            x = up(torch.cat([functional.interpolate(x, scale_factor=2.0), skips.pop()], dim=1))
        return functional.pixel_shuffle(self.exit(x), CELL)

    def features(self, x: Float[Tensor, "batch _ _ _"]) -> list[Tensor]:
        """What is seen on the way in, (B, widths[l], h_l, w_l)."""
        seen = [self.entry(functional.pixel_unshuffle(x, CELL))]
        for down in self.downs:
            seen.append(down(seen[-1]))
        return seen


class Travellers(nn.Module):
    """The two ways.

    Attributes:
        paint: maps of parts -> pictures.
        read: pictures -> logits of parts.
        contrast: of the patches that both see.
    """

    def __init__(self, classes: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.paint, self.read = Translator(classes, 3, widths), Translator(3, classes, widths)
        self.contrast = PatchContrast(self.paint.widths)

    def picture(self, parts: Float[Tensor, "batch classes rows columns"]) -> Float[Tensor, "batch 3 rows columns"]:
        """Pictures of maps (B, classes, h, w) that add up to 1 over the classes."""
        painted: Tensor = self.paint(parts)
        return painted.float().tanh()

    def parts(self, picture: Images) -> Maps:
        """Such maps of pictures (B, 3, H, W)."""
        logits: Tensor = self.read(picture)
        return logits.float().softmax(dim=1)


@dataclass(frozen=True)
class UnpairedWeights:
    """Of what keeps a translation near what it is of; 0 leaves it out.

    Attributes:
        cycle: of coming back to where one began.
        patches: of the contrast between the patches of both sides.
    """

    cycle: float = 0.0
    patches: float = 0.0


class UnpairedGame:
    """Two networks that translate, and a critic of patches on either side.

    Batches hold "pictures" (B, 3, H, W) and "parts" (B, classes, H, W) of other avatars.

    Args:
        travellers: translate.
        classes: of parts.
        weights: of what the travellers pay beside what the critics say.
        width: of the critics' first layers.
    """

    def __init__(self, travellers: Travellers, classes: int, weights: UnpairedWeights, width: int) -> None:
        self.travellers, self.weights = travellers, weights
        self.critics = nn.ModuleDict({
            "pictures": PatchCritic(CELL**2 * 3, width), "parts": PatchCritic(CELL**2 * classes, width)
        })  # fmt: skip
        self.made: Mapping[str, Tensor] = {}

    def players(self) -> Iterator[Player]:
        """The travellers move first; the critics look at what they have just made."""
        yield TravellingPlayer(self)
        yield WatchingPlayer(self)

    def judge(self, side: str, maps: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch 1 _ _"]:
        """(B, 1, h, w) logits of one side's critic."""
        logits: Tensor = self.critics[side](functional.pixel_unshuffle(maps, CELL)).logits
        return logits


class TravellingPlayer:
    """Makes what passes on the other side, and stays near what it is made of."""

    name = "travellers"

    def __init__(self, game: UnpairedGame) -> None:
        self.game = game
        self.module: nn.Module = game.travellers

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What the critics say, and how far each translation has gone from its beginning."""
        game, travellers = self.game, self.game.travellers
        made = {"pictures": travellers.picture(batch["parts"]), "parts": travellers.parts(batch["pictures"])}
        game.made = {side: some.detach() for side, some in made.items()}
        total = torch.stack([HINGE.made(game.judge(side, some)).mean() for side, some in made.items()]).sum()
        kept = {"cycle": self._returned, "patches": self._found}
        terms = {name: keep(made, batch) for name, keep in kept.items() if getattr(game.weights, name)}
        for name, term in terms.items():
            total = total + getattr(game.weights, name) * term
        return total, {name: term.item() for name, term in terms.items()}

    def _returned(self, made: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Scalar:
        """How far from its beginning each way there and back ends."""
        travellers = self.game.travellers
        lost = round_trip(travellers.parts(made["pictures"]), batch["parts"])
        gone: Tensor = (travellers.picture(made["parts"]) - batch["pictures"]).abs().mean()
        return lost + gone

    def _found(self, made: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Scalar:
        """How hard it is to find each patch of a translation among those of what it is of."""
        contrast, paint, read = self.game.travellers.contrast, self.game.travellers.paint, self.game.travellers.read
        there: Tensor = contrast(read.features(made["pictures"]), paint.features(batch["parts"]))
        back: Tensor = contrast(paint.features(made["parts"]), read.features(batch["pictures"]))
        return there + back


class WatchingPlayer:
    """Tells what was translated from what belongs to its side."""

    name = "critics"

    def __init__(self, game: UnpairedGame) -> None:
        self.game = game
        self.module: nn.Module = game.critics

    def loss(self, batch: Mapping[str, Any], step: int) -> Loss:
        """What both critics pay."""
        game = self.game
        costs = [
            HINGE.discriminator(game.judge(side, batch[side]), game.judge(side, made))
            for side, made in game.made.items()
        ]
        return torch.stack(costs).sum(), {}


def round_trip(returned: Maps, parts: Maps) -> Scalar:
    """The share of the picture whose part is another after the way there and back, in [0, 1]."""
    return (returned - parts).abs().sum(dim=1).mean() / 2
