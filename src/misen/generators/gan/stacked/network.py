"""The network of a stacked generator: one course from 4x4 up, which shows a picture at each of its finer sizes.

Source: Zhang et al. 2017 (arXiv:1710.10916), section 4.1, for the stages; Xu et al. 2018 (arXiv:1711.10485), section
3.1, for words that the places of every stage but the first look at; Karras et al. 2019 (arXiv:1912.04958), section 4,
for pictures that each size adds to; deviation: what is seen of the words is added to the features, not concatenated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from diffusers.models.attention_processor import Attention
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.shapes import Images, Maps, Tokens, Vectors
from misen.generators.gan.mapping import MappingNetwork, unit_square
from misen.generators.gan.stacked.conditioning import Conditioning, WordsPort
from misen.generators.gan.synthesis import PIXELS, START, Exit, StyledBlock
from misen.nn.fusion.cross_attention import MatrixAttention

HEAD = 16
"""Channels of each head of attention."""
Point = Float[Tensor, "batch entries latent"]
"""Latents of the layers, coarse to fine, and below them the words."""
Noise = Float[Tensor, "batch inputs"]
"""The random numbers behind a picture."""


@dataclass(frozen=True)
class StackedSettings:
    """Size and shape of the network.

    Attributes:
        draws: width of z.
        width: of w, and of a word.
        mapping_layers: dense layers from z and the sentence to w.
        channels: at 4x4, 8x8 and so on; the largest pictures are twice as large as the last of them.
        stages: from how many of the finest of them there is a picture.
        heads: of each attention.
    """

    draws: int = 128
    width: int = 128
    mapping_layers: int = 4
    channels: Sequence[int] = (192, 192, 128, 64)
    stages: int = 3
    heads: int = 4

    @property
    def sides(self) -> list[int]:
        """Height and width of the features."""
        return [START * 2**level for level in range(len(self.channels))]

    @property
    def sizes(self) -> list[int]:
        """Height and width of the pictures, coarse to fine."""
        return [PIXELS * side for side in self.sides[-self.stages :]]


class WordAttention(nn.Module):
    """Each place of a map looks at the words and adds what it sees; words that are nothing add nothing."""

    def __init__(self, channels: int, width: int, heads: int) -> None:
        """``width`` is that of a word."""
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = Attention(
            channels, cross_attention_dim=width, heads=heads, dim_head=HEAD, processor=MatrixAttention()
        )

    def forward(self, x: Maps, words: Tokens) -> Maps:
        """(B, channels, h, w) and (B, L, width) -> (B, channels, h, w)."""
        places = self.norm(x.flatten(2).transpose(1, 2))
        seen = self.attention(places, encoder_hidden_states=words)
        added: Tensor = seen.transpose(1, 2).unflatten(2, x.shape[2:])
        return x + added


class Grid(nn.Module):
    """One size of the features: a look at the words, where it attends, two styled layers, and a picture if it shows.

    Attributes:
        layers: latents that it reads.
    """

    def __init__(self, inputs: int, outputs: int, settings: StackedSettings, *, attends: bool, shows: bool) -> None:
        super().__init__()
        self.attend = WordAttention(inputs, settings.width, settings.heads) if attends else None
        self.block = StyledBlock(inputs, outputs, settings.width)
        self.exit = Exit(outputs, settings.width) if shows else None
        self.layers = 3 if shows else 2

    def forward(
        self,
        x: Float[Tensor, "batch _ _ _"],
        latents: Float[Tensor, "batch own latent"],
        noise: Sequence[Float[Tensor, "batch 1 side side"]],
        words: Tokens,
    ) -> Float[Tensor, "batch outputs side side"]:
        """(B, inputs, h, w) -> (B, outputs, s, s), on the grid of its two noises (B, 1, s, s)."""
        if self.attend is not None:
            x = self.attend(_enlarged(x, noise[0].shape[-1]), words)
        styles = [self.block.first.affine(latents[:, 0]), self.block.second.affine(latents[:, 1])]
        made: Tensor = self.block(x, styles, noise)
        return made

    def show(self, x: Maps, latents: Float[Tensor, "batch own latent"]) -> Images | None:
        """What features add to the picture; None if the grid shows nothing."""
        if self.exit is None:
            return None
        added: Tensor = self.exit(x, self.exit.affine(latents[:, 2]))
        return added.float()


class StackedNetwork(nn.Module):
    """Noise and conditions -> a point; a point and noise -> pictures of every size.

    Attributes:
        layers: latents that it reads; what a point holds below them are words.
        inputs: random numbers behind a picture: first z, then the noise of the layers.
    """

    def __init__(self, settings: StackedSettings, table: Sequence[WordsPort]) -> None:
        super().__init__()
        self.settings = settings
        silent = len(settings.channels) - settings.stages
        self.conditioning = Conditioning(table, settings.width)
        self.mapping = MappingNetwork(settings.draws + settings.width, settings.width, settings.mapping_layers)
        self.constant = nn.Parameter(torch.randn(1, settings.channels[0], START, START))
        widths = enumerate(pairwise([settings.channels[0], *settings.channels]))
        self.grids = nn.ModuleList(
            Grid(*pair, settings, attends=level > silent, shows=level >= silent) for level, pair in widths
        )
        self.layers = 2 * len(settings.channels) + settings.stages
        self.inputs = settings.draws + sum(2 * side**2 for side in settings.sides)

    def decide(self, noise: Noise, conditions: Mapping[str, Condition]) -> Point:
        """The point under conditions, for noise (B, inputs) from a normal distribution."""
        words = self.conditioning.words(conditions, len(noise))
        return self._point(self.mapping(self._read(noise, self.conditioning.sentence(words))), words)

    def typical(self, batch: int) -> Point:
        """The mean of the points of which nothing is said; ``settle`` decides which latent that is."""
        return self._point(self.mapping.mean.expand(batch, -1), self.conditioning.words({}, batch))

    def settle(self, noise: Noise) -> None:
        """Take the mean latent of much noise, of which nothing is said, as what is typical."""
        self.mapping.settle(self._read(noise, noise.new_zeros(len(noise), self.settings.width)))

    def _read(self, noise: Noise, sentence: Float[Tensor, "batch width"]) -> Vectors:
        """What the mapping sees."""
        return torch.cat([unit_square(noise[:, : self.settings.draws]), sentence], dim=1)

    def _point(self, latent: Float[Tensor, "batch width"], words: Tokens) -> Point:
        """One latent for all layers, and words."""
        return torch.cat([latent[:, None].expand(-1, self.layers, -1), words], dim=1)

    def show(self, point: Point, noise: Noise) -> list[Tensor]:
        """The pictures (B, 3, s, s) of a point, coarse to fine, about [-1, 1]; each adds to the one before it."""
        first, *finer = self._course(point, noise)
        pictures = [first]
        for added in finer:
            pictures.append(_enlarged(pictures[-1], added.shape[-1]) + added)
        return pictures

    def _course(self, point: Point, noise: Noise) -> Iterator[Tensor]:
        """What each of the sizes that are shown adds to the picture."""
        latents = point[:, : self.layers].split([grid.layers for grid in self.grids], dim=1)
        words = point[:, self.layers :]
        x = self.constant.expand(len(point), -1, -1, -1)
        for grid, own, maps in zip(self.grids, latents, self._maps(noise), strict=True):
            x = grid(x, own, maps, words)
            if (added := grid.show(x, own)) is not None:  # type: ignore[operator]
                yield added

    def _maps(self, noise: Noise) -> Iterator[list[Maps]]:
        """The two noises of each grid, (B, 1, s, s)."""
        sides = self.settings.sides
        parts = noise[:, self.settings.draws :].split([2 * side**2 for side in sides], dim=1)
        for part, side in zip(parts, sides, strict=True):
            yield [*part.view(-1, 2, 1, side, side).unbind(1)]


def _enlarged(x: Float[Tensor, "batch _ _ _"], side: int) -> Float[Tensor, "batch _ {side} {side}"]:
    """(B, C, h, w) -> (B, C, side, side), bilinear."""
    return functional.interpolate(x, (side, side), mode="bilinear")
