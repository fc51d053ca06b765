"""Words of the stacked generator, one by one: does a color go when its word goes, and do places look at their words?

``python -m misen.recipes.evaluate_stacked 500`` prints, for each kind of word, how often the judge sees the color that
a sentence names, that it named before the word was left out, and that nobody named; and how well the fifth of the
places that look most at the word covers the part that it is about, beside as many places at random.

Source: Xu et al. 2018 (arXiv:1711.10485), figure 4, for the maps of single words.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from misen.assembly import encoders, open_model
from misen.core.registry import modalities
from misen.core.shapes import PerItem
from misen.editing.words import spell
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.perception import coach, judge
from misen.perception.figures import Figure, mean
from misen.recipes.train_stacked_gan import CHUNK, NAME, TEXT, decided
from misen.scene.anatomy import CLASSES
from misen.scene.attributes import BY_KEY, COLUMN

SHARE = 0.2
"""Of the places, those that look most at a word."""
Looks = Float[Tensor, "batch rows columns"]


@dataclass(frozen=True)
class Probe:
    """A sentence with a word that can be left out.

    Attributes:
        sentence: with "{}" where the word stands.
        key: the attribute that the word tells.
        part: what of the picture it is about.
        words: values of the attribute.
    """

    sentence: str
    key: str
    part: str
    words: Sequence[str]

    def spoken(self, word: str) -> str:
        """The sentence with a word, or without any for ""."""
        return " ".join(self.sentence.format(word).split())


PROBES: Sequence[Probe] = (
    Probe("a person with {} hair", "hair_color", "hair", ("red", "blond", "blue", "green")),
    Probe("a person in a {} shirt", "shirt_color", "shirt", ("red", "yellow", "green", "purple")),
    Probe("a person in a {} beanie", "hat_color", "hat", ("red", "yellow", "green", "purple")),
)


@dataclass(frozen=True)
class Drawn:
    """What came of B sentences.

    Attributes:
        colors: (B,) value indices that the judge reads of the probe's attribute.
        part: (B, h, w), where the judge sees the probe's part.
        looks: (B, h, w), how much each place looks at the word; zero of sentences without one.
    """

    colors: Tensor
    part: Bool[Tensor, "batch rows columns"]
    looks: Looks


def measure(generator: StackedGenerator, probe: Probe, count: int) -> Mapping[str, Figure]:
    """Figures by name of ``count`` pictures, the words taking turns."""
    words = [probe.words[item % len(probe.words)] for item in range(count)]
    wanted = torch.tensor([BY_KEY[probe.key].index(word) for word in words])
    sentences = {
        "said": [probe.spoken(word) for word in words],
        "left out": [probe.spoken("")] * count,
        "nothing said": [""] * count,
    }
    seen = {name: drawn(generator, probe, some, words) for name, some in sentences.items()}
    shares = {name: mean((some.colors == wanted).double()) for name, some in seen.items()}
    return {**shares, **covered(seen["said"])}


def covered(said: Drawn) -> Mapping[str, Figure]:
    """How well the places that look at the word cover its part, and how well others do; 0 where there is no part."""
    order = torch.randperm(said.looks[0].numel(), generator=torch.Generator().manual_seed(0))
    shuffled = said.looks.flatten(1)[:, order].view_as(said.looks)
    return {
        name: mean(overlap(looks, said.part)) for name, looks in (("covered", said.looks), ("by chance", shuffled))
    }


@torch.no_grad()
def drawn(generator: StackedGenerator, probe: Probe, sentences: Sequence[str], words: Sequence[str]) -> Drawn:
    """What comes of sentences, in which words may stand; the seeds count from 0."""
    chunks = [
        _drawn(generator, probe, sentences[first : first + CHUNK], words[first : first + CHUNK], first)
        for first in range(0, len(sentences), CHUNK)
    ]
    return Drawn(*(torch.cat([getattr(chunk, one.name) for chunk in chunks]) for one in fields(Drawn)))


def _drawn(
    generator: StackedGenerator, probe: Probe, sentences: Sequence[str], words: Sequence[str], first: int
) -> Drawn:
    condition = encoders()[TEXT].encode(modalities()[TEXT].signal(list(sentences)), "tokens")
    state = decided(generator, condition, first)
    reading = judge.observer()(generator.finish(state))
    side, maps = max(generator.attention(state).items())
    part = (reading.segmentation.argmax(dim=1) == CLASSES.index(probe.part)).float()
    return Drawn(
        colors=reading.log_probability(COLUMN[probe.key]).argmax(dim=1),
        part=functional.adaptive_avg_pool2d(part[:, None], side)[:, 0] >= 0.5,
        looks=torch.stack([_looks(generator, *each) for each in zip(maps, sentences, words, strict=True)]),
    )


def _looks(
    generator: StackedGenerator, maps: Float[Tensor, "words rows columns"], sentence: str, word: str
) -> Float[Tensor, "rows columns"]:
    """How much each place looks at a word of a sentence."""
    lines = list(generator.networks.conditioning.table)
    own = next(index for index, line in enumerate(lines) if line.name == TEXT)
    before = sum(line.length for line in lines[:own])
    places = [before + place for place in spell(coach.text_encoder().tokenizer, sentence).places(word)]
    return maps[places].sum(dim=0)


def overlap(looks: Looks, part: Bool[Tensor, "batch rows columns"]) -> PerItem:
    """(B,) intersection over union of the places that look most and those of the part."""
    flat, inside = looks.flatten(1), part.flatten(1)
    most = torch.zeros_like(inside).scatter(1, flat.topk(round(SHARE * flat.shape[1])).indices, True)
    return (most & inside).sum(dim=1) / (most | inside).sum(dim=1)


def main(count: str = "500") -> None:
    """Print the shipped model's figures, each as soon as it is known."""
    generator: Any = open_model(NAME).generator
    for probe in PROBES:
        for name, figure in measure(generator, probe, int(count)).items():
            sys.stdout.write(f"{probe.key:12s} {name:14s} {figure}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
