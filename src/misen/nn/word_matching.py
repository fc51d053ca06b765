"""How well the words of captions match the regions of pictures, each word looking where it finds itself.

Source: Xu et al. 2018 (arXiv:1711.10485), section 3.2, equations 7 to 10; the logits of equation 11 go into
``contrastive.info_nce``, which is equations 11 to 13 with the mean of both directions in place of their sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from misen.core.shapes import Maps

Regions = Float[Tensor, "pictures regions features"]
"""N feature vectors of each picture."""
Words = Float[Tensor, "captions words features"]
"""T feature vectors of each caption."""
Scores = Float[Tensor, "pictures captions"]
"""How well every caption matches every picture."""
Looks = Float[Tensor, "pictures captions words regions"]
"""How much each word of a caption looks at each region of a picture; adds up to 1 over the regions."""


@dataclass(frozen=True)
class Sharpness:
    """How decidedly the best one wins.

    Attributes:
        regions: among the regions for a word, gamma 1.
        words: among the words for a caption, gamma 2.
        captions: among the captions for a picture, gamma 3.
    """

    regions: float = 4.0
    words: float = 5.0
    captions: float = 10.0


def look(regions: Regions, words: Words, counted: Bool[Tensor, "captions words"], sharpness: float) -> Looks:
    """Where each word looks: regions compete for it after the words have competed for them.

    Args:
        regions: (B, N, D).
        words: (C, T, D).
        counted: (C, T), True where a word counts.
        sharpness: gamma 1.
    """
    likeness = torch.einsum("bnd,ctd->bctn", regions, words)
    shares = likeness.masked_fill(~counted[None, :, :, None], float("-inf")).softmax(dim=2)
    return (sharpness * shares).softmax(dim=3)


def matching_scores(
    regions: Regions, words: Words, counted: Bool[Tensor, "captions words"], sharpness: Sharpness | None = None
) -> Scores:
    """(B, C): a soft maximum, over the words that count, of the cosine of each word and of what it looks at.

    Arguments are as for ``look``; every caption has a word that counts.
    """
    sharpness = sharpness or Sharpness()
    seen = torch.einsum("bctn,bnd->bctd", look(regions, words, counted, sharpness.regions), regions)
    cosine = torch.cosine_similarity(seen, words[None], dim=3)
    cosine = cosine.masked_fill(~counted[None], float("-inf"))
    return (sharpness.words * cosine).logsumexp(dim=2) / sharpness.words


class WordMatching(nn.Module):
    """Brings maps of pictures and tokens of captions to one space, and matches them there."""

    def __init__(self, map_width: int, word_width: int, features: int = 128) -> None:
        super().__init__()
        self.sharpness = Sharpness()
        self.regions = nn.Conv2d(map_width, features, 1, bias=False)
        self.words = nn.Linear(word_width, features, bias=False)

    def forward(
        self,
        maps: Maps,
        tokens: Float[Tensor, "captions words width"],
        counted: Bool[Tensor, "captions words"],
    ) -> Float[Tensor, "batch captions"]:
        """(B, C) logits for ``info_nce`` of maps (B, map_width, h, w) and tokens (C, T, word_width)."""
        regions = self.regions(maps).flatten(2).transpose(1, 2)
        words = self.words(tokens)
        with torch.autocast(maps.device.type, enabled=False):
            scores = matching_scores(regions.float(), words.float(), counted, self.sharpness)
        return self.sharpness.captions * scores
