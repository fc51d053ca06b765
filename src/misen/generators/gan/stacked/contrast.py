"""What holds made pictures against the words they were made of: sentence, words and real picture, each contrasted.

Source: Zhang et al. 2021 (arXiv:2101.04702), section 4.1, for the three contrasts; Xu et al. 2018
(arXiv:1711.10485), section 3.2, for the words; deviation: a joint embedding that is frozen says what is alike, and the
matching of words with regions learns from real pictures beside the game instead of before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from misen.core.shapes import Images, Maps, Scalar, Vectors
from misen.nn.contrastive import info_nce, similarities
from misen.nn.word_matching import WordMatching
from misen.perception.claims import false_of

REGIONS = 8
"""Rows and columns of the regions that words are matched with."""


@runtime_checkable
class Sights(Protocol):
    """A frozen joint embedding of pictures and sentences."""

    @property
    def scale(self) -> Scalar:
        """Its inverse temperature."""
        ...

    def look(self, images: Images) -> tuple[Maps, Vectors]:
        """Pictures (B, 3, H, W) -> features of their regions (B, C, h, w), and their places (B, D), unit vectors."""
        ...


@dataclass(frozen=True)
class ContrastWeights:
    """Weights of what a made picture is contrasted with.

    Attributes:
        sentence: its own sentence among those of the batch.
        words: the words of its own sentence among those of the batch.
        real: the real picture of that sentence among those of the batch.
    """

    sentence: float = 0.0
    words: float = 0.0
    real: float = 0.0

    def __bool__(self) -> bool:
        return any((self.sentence, self.words, self.real))


@dataclass(frozen=True)
class Spoken:
    """The items of a batch that were told a sentence.

    Attributes:
        pictures: (N, 3, H, W), the real ones.
        rows: which items of the batch they are.
        tokens: (N, L, D) hidden states of the sentences.
        counted: (N, L), True where a token is a word.
        places: (N, E) of the sentences in the joint embedding.
        also_true: (N, N) bool, which sentences (rows) are true of which pictures.
    """

    pictures: Images
    rows: Bool[Tensor, " items"]
    tokens: Float[Tensor, "batch words features"]
    counted: Bool[Tensor, "batch words"]
    places: Float[Tensor, "batch place"]
    also_true: Bool[Tensor, "batch batch"]

    @classmethod
    def of(cls, batch: Mapping[str, Any]) -> Spoken:
        """Of a batch with "pictures" and "spoken", as ``StackedGame`` has it; tokens that no sentence needs are cut."""
        told, rows = batch["spoken"], batch["spoken"]["rows"]
        tokens, counted, places, denied, shown = (
            told[name][rows] for name in ("tokens", "counted", "places", "denied", "shown")
        )
        used = counted.any(dim=0)
        also_true = ~false_of(denied, shown)
        return cls(batch["pictures"][rows], rows, tokens[:, used], counted[:, used], places, also_true)


class Contrast:
    """The three contrasts.

    Attributes:
        matching: of words with regions; learns from real pictures.
    """

    def __init__(self, sights: Sights, weights: ContrastWeights, matching: WordMatching) -> None:
        self.sights, self.weights, self.matching = sights, weights, matching

    def learn(self, spoken: Spoken) -> Scalar:
        """What the matching pays for real pictures and their sentences."""
        with torch.no_grad():
            looked = self.sights.look(spoken.pictures)
        return self._name(*looked, spoken)

    def hold(self, made: Images, spoken: Spoken) -> tuple[Scalar, Mapping[str, float]]:
        """What the generator pays for pictures (N, 3, H, W) made of the sentences, and each contrast by name."""
        contrasts = {"sentence": self._say, "words": self._name, "real": self._resemble}
        looked = self.sights.look(made)
        terms = {name: contrast(*looked, spoken) for name, contrast in contrasts.items() if getattr(self.weights, name)}
        total = torch.stack([getattr(self.weights, name) * term for name, term in terms.items()]).sum()
        return total, {name: term.item() for name, term in terms.items()}

    def _say(self, regions: Maps, places: Vectors, spoken: Spoken) -> Scalar:
        return info_nce(similarities(spoken.places, places, self.sights.scale), spoken.also_true)

    def _name(self, regions: Maps, places: Vectors, spoken: Spoken) -> Scalar:
        """Logits of the matching have a row for each picture."""
        coarse = functional.adaptive_avg_pool2d(regions, REGIONS)
        return info_nce(self.matching(coarse, spoken.tokens, spoken.counted), spoken.also_true.T)

    def _resemble(self, regions: Maps, places: Vectors, spoken: Spoken) -> Scalar:
        with torch.no_grad():
            _, real = self.sights.look(spoken.pictures)
        return info_nce(similarities(real, places, self.sights.scale))
