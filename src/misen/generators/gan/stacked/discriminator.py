"""The critics of a stacked generator, one for each size of picture: is it real, and does it show what it is said to?

Source: Miyato & Koyama 2018 (arXiv:1802.05637), section 3, for the projection of the condition; Zhang et al. 2017
(arXiv:1710.10916), section 4.1, for one critic per size and for pictures with and without their condition; deviation:
an absent condition adds nothing to the logit, which so is the one without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from misen.core.condition import Condition
from misen.core.shapes import Images, PerItem, Vectors
from misen.generators.gan.stacked.conditioning import Conditioning, WordsPort
from misen.nn.critics import END, HalvingBlock, with_deviation
from misen.nn.equalised import EqualConv, EqualLinear, leaky

Verdicts = Float[Tensor, "stages batch"]
"""A logit for each picture at each size."""


@dataclass(frozen=True)
class CriticSettings:
    """Size and shape of the critics.

    Attributes:
        channels: features after space-to-depth, and after each halving down to 4 pixels, of the critic of the largest
            pictures; those of smaller ones have as many halvings fewer, and the channels of the last ones.
        features: numbers that are known of a picture in the end.
        words: width of the sentence that the condition is read as.
    """

    channels: Sequence[int] = (48, 96, 128, 192)
    features: int = 256
    words: int = 128


class Critic(nn.Module):
    """Pictures of one size: what is seen in them, and from that whether they are real and show what was asked for."""

    def __init__(self, channels: Sequence[int], features: int, words: int) -> None:
        """The pictures have 4 * 2**len(channels) pixels on each side."""
        super().__init__()
        self.entry = EqualConv(12, channels[0])
        self.blocks = nn.Sequential(*[HalvingBlock(*pair) for pair in pairwise(channels)])
        self.gather = EqualLinear(END**2 * (channels[-1] + 1), features)
        self.real, self.asked = EqualLinear(features, 1), nn.Linear(words, features, bias=False)
        self.scale = features**-0.5

    def look(self, pictures: Images) -> Vectors:
        """(B, 3, H, W) -> (B, features)."""
        seen = self.blocks(leaky(self.entry(functional.pixel_unshuffle(pictures, 2))))
        gathered: Tensor = leaky(self.gather(with_deviation(seen).flatten(1)))
        return gathered

    def judge(self, seen: Vectors, sentence: Float[Tensor, "batch words"]) -> PerItem:
        """(B, features) under (B, words) -> (B,) logits."""
        agreement = self.scale * (seen * self.asked(sentence)).sum(dim=1)
        verdict: Tensor = self.real(seen).squeeze(1) + agreement
        return verdict


class StackedDiscriminator(nn.Module):
    """One critic for each size, which read the condition together."""

    def __init__(self, settings: CriticSettings, table: Sequence[WordsPort], sizes: Sequence[int]) -> None:
        """``sizes`` are those of the pictures in pixels, powers of two from 8 on, the largest last."""
        super().__init__()
        self.conditioning = Conditioning(table, settings.words)
        depths = [len(settings.channels) - (sizes[-1] // size).bit_length() + 1 for size in sizes]
        self.critics = nn.ModuleList(
            Critic(settings.channels[-depth:], settings.features, settings.words) for depth in depths
        )

    def look(self, pictures: Sequence[Float[Tensor, "batch 3 _ _"]]) -> list[Vectors]:
        """What is seen at each size, coarse to fine, (B, features) each."""
        pairs = zip(self.critics, pictures, strict=True)
        return [critic.look(some) for critic, some in pairs]  # type: ignore[operator]

    def judge(self, seen: Sequence[Vectors], conditions: Mapping[str, Condition]) -> Verdicts:
        """(stages, B) logits of what ``look`` saw, under conditions."""
        sentence = self.conditioning.sentence(self.conditioning.words(conditions, len(seen[0])))
        pairs = zip(self.critics, seen, strict=True)
        return torch.stack([critic.judge(some, sentence) for critic, some in pairs])  # type: ignore[operator]
