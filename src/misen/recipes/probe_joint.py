"""Probes of a joint embedding: attributes by zero shot, the order of two colors, and negation.

``python -m misen.recipes.probe_joint a 300`` prints the figures of the shipped joint embedding A on 300 renders.

Source: Radford et al. 2021 (arXiv:2103.00020), section 3.1.4, for zero shot by several wordings of each value; Thrush
et al. 2022 (arXiv:2204.03162), section 3, for sentences of the same words, here one picture choosing between two.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from misen.perception import coach, judge
from misen.perception.figures import Figure, mean, ratio
from misen.perception.joint import JointEmbedding
from misen.recipes.train_joint import LANGUAGES
from misen.scene.attributes import BY_KEY, COLUMN, KEYS
from misen.scene.language import Language, describe
from misen.scene.language.grammar import LEXICONS
from misen.scene.observe import observe
from misen.scene.splits import TEST

WORDINGS = 8
"""Sentences for each value of an attribute, whose mean stands for it."""
HALF_TURNED = math.radians(25)
"""A yaw that captions do not speak of."""
TWO_COLORS: Mapping[tuple[str, str], Mapping[Language, str]] = {
    ("hat_color", "shirt_color"): {"en": "a person in a {} hat and a {} shirt", "zh": "一个戴{}帽子、穿{}上衣的人"},
    ("shirt_color", "background"): {"en": "a person in a {} shirt, {} background", "zh": "一个穿{}上衣的人，{}背景"},
}
"""What two colors can be said of, and how."""
WITH: Mapping[Language, str] = {"en": "a person with {}", "zh": "一个有{}的人"}
WITHOUT: Mapping[Language, str] = {"en": "a person without {}", "zh": "一个没有{}的人"}
MISSABLE = tuple(key for key in KEYS if "none" in BY_KEY[key].values)
"""Attributes that an avatar can lack."""


@dataclass(frozen=True)
class Seen:
    """N avatars and where their pictures lie.

    Attributes:
        attributes: (N, 16) value indices.
        visible: (N, 16).
        places: (N, 128) unit vectors.
    """

    attributes: Int[Tensor, "avatars keys"]
    visible: Bool[Tensor, "avatars keys"]
    places: Float[Tensor, "avatars space"]

    def values(self, key: str) -> list[str | None]:
        """The value of every avatar, None where it cannot be seen."""
        column, names = COLUMN[key], BY_KEY[key].values
        pairs = zip(self.attributes[:, column].tolist(), self.visible[:, column].tolist(), strict=True)
        return [names[index] if visible else None for index, visible in pairs]


class Choice(NamedTuple):
    """A sentence that is true of avatar ``item``, and a similar one that is not."""

    item: int
    right: str
    wrong: str


@torch.no_grad()
def look(joint: JointEmbedding, count: int, chunk: int = 100) -> Seen:
    """The first ``count`` avatars of the test range."""
    attributes, visible, places = [], [], []
    for start in range(0, count, chunk):
        record = TEST.records(start, min(chunk, count - start))
        observation = observe(record)
        attributes.append(record.attributes)
        visible.append(observation.attributes_visible)
        places.append(joint.image(observation.image))
    return Seen(torch.cat(attributes), torch.cat(visible), torch.cat(places))


def probe(joint: JointEmbedding, seen: Seen) -> dict[str, Figure]:
    """Every figure by name, language by language; chance is 1 / values for attributes, 1/2 for the choices."""
    figures: dict[str, Figure] = {}
    for language in LANGUAGES:
        told = zero_shot(joint, seen, language)
        made = order_choices(seen, language) | negation_choices(seen, language)
        told |= {name: mean(told_apart(joint, seen, choices).double()) for name, choices in made.items()}
        figures |= {f"{language}.{name}": figure for name, figure in told.items()}
    return figures


def zero_shot(joint: JointEmbedding, seen: Seen, language: Language) -> dict[str, Figure]:
    """Accuracy of the visible attributes, ``attributes`` (mean of the keys) and ``attributes.<key>``."""
    read = [seen.places @ anchors(joint, key, language).T for key in KEYS]
    right = (torch.stack([likeness.argmax(dim=1) for likeness in read], dim=1) == seen.attributes) & seen.visible
    columns = {key: ratio(right[:, column, None], seen.visible[:, column, None]) for key, column in COLUMN.items()}
    by_key = {f"attributes.{key}": figure for key, figure in columns.items()}
    return {"attributes": ratio(right, seen.visible)} | by_key


@torch.no_grad()
def anchors(joint: JointEmbedding, key: str, language: Language) -> Float[Tensor, "values space"]:
    """(V, 128) unit vectors that stand for the values of an attribute."""
    values = BY_KEY[key].values
    places = joint.text([sentence for value in values for sentence in wordings(key, value, language)])
    return functional.normalize(places.view(len(values), WORDINGS, -1).mean(dim=1), dim=1)


def wordings(key: str, value: str, language: Language) -> list[str]:
    """Sentences that say one value and nothing else."""
    said = [describe({key: value}, {key}, HALF_TURNED, seed, language=language) for seed in range(WORDINGS)]
    return [caption.text for caption in said]


def order_choices(seen: Seen, language: Language) -> dict[str, list[Choice]]:
    """Choices between an avatar's two colors and the same exchanged."""
    return {
        f"order.{first}-{second}": list(_exchanges(seen, (first, second), sentence[language], language))
        for (first, second), sentence in TWO_COLORS.items()
    }


def _exchanges(seen: Seen, keys: tuple[str, str], sentence: str, language: Language) -> Iterator[Choice]:
    words = {color: said[0] for color, said in LEXICONS[language].colors["shirt_color"].items()}
    for item, (first, second) in enumerate(zip(*(_nameable(seen, key) for key in keys), strict=True)):
        if first != second and first in words and second in words:
            one, other = words[first], words[second]
            yield Choice(item, sentence.format(one, other), sentence.format(other, one))


def negation_choices(seen: Seen, language: Language) -> dict[str, list[Choice]]:
    """Choices between "with" and "without", where "without" is true and where it is false."""
    absent, present = [], []
    for item, key, value in _missable(seen):
        having, lacking = (_say(sentence[language], key, language) for sentence in (WITH, WITHOUT))
        if value == "none":
            absent.append(Choice(item, lacking, having))
        else:
            present.append(Choice(item, having, lacking))
    return {"negation.absent": absent, "negation.present": present}


def _missable(seen: Seen) -> Iterator[tuple[int, str, str]]:
    """Whatever an avatar can be seen to have or to lack."""
    for key in MISSABLE:
        for item, value in enumerate(_nameable(seen, key)):
            if value:
                yield item, key, value


def _nameable(seen: Seen, key: str) -> list[str | None]:
    """The values that can be seen; of a headband neither kind nor color, since it is neither a hat nor none."""
    values = seen.values(key)
    if not key.startswith("hat"):
        return values
    return [None if kind == "headband" else value for kind, value in zip(seen.values("hat"), values, strict=True)]


def _say(sentence: str, key: str, language: Language) -> str:
    lexicon = LEXICONS[language]
    return lexicon.determine(sentence.format(lexicon.absences[key]["none"][0]))


@torch.no_grad()
def told_apart(joint: JointEmbedding, seen: Seen, choices: Sequence[Choice]) -> Bool[Tensor, " choices"]:
    """(C,) whether each picture is more like the right sentence than like the wrong one."""
    places = _place(joint, {sentence for choice in choices for sentence in choice[1:]})
    like = [[seen.places[item] @ places[sentence] for sentence in (right, wrong)] for item, right, wrong in choices]
    return torch.tensor([bool(right > wrong) for right, wrong in like])


def _place(joint: JointEmbedding, sentences: Iterable[str]) -> dict[str, Tensor]:
    listed = sorted(sentences)
    return dict(zip(listed, joint.text(listed), strict=True))


def main(side: str, count: str = "300") -> None:
    """Print the shipped joint embedding's figures."""
    joint = {"a": coach, "b": judge}[side].joint()
    for name, figure in probe(joint, look(joint, int(count))).items():
        sys.stdout.write(f"{name:32s} {figure}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
