"""Typed words are heard as the grammar means them."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import pytest
import torch

from misen.modalities.text.claims import hear
from misen.modalities.text.judge import TextJudge
from misen.modalities.text.signal import Text
from misen.scene.attributes import ATTRIBUTES
from misen.scene.language.caption import Mention
from misen.scene.language.grammar import describe


def claims(**values: str) -> set[Mention]:
    """``glasses="round"``; ``hat="not none"`` denies."""
    return {Mention(key, value.removeprefix("not "), value.startswith("not ")) for key, value in values.items()}


@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        ("a smiling woman with round glasses", claims(expression="smiling", presentation="feminine", glasses="round")),
        ("with a red hat", claims(hat="not none", hat_color="red")),
        ("Make him BALD, no glasses!", claims(hair_style="bald", glasses="none")),
        ("without glasses or a hat", claims(glasses="none", hat="none")),
        ("she doesn't have a beard", claims(facial_hair="not beard")),
        ("a young red-haired man", claims(presentation="masculine", age="young", hair_style="not bald",
                                          hair_color="red")),
        ("a red shirt, blue hair, a green background", claims(shirt_color="red", hair_style="not bald",
                                                              hair_color="blue", background="green")),
        ("not smiling", claims(expression="not smiling")),
        ("a black top hat", claims(hat="top hat", hat_color="black")),
        ("戴着圆框眼镜，没有帽子", claims(glasses="round", hat="none")),
        ("穿红色T恤的男人", claims(shirt_style="crew", shirt_color="red", presentation="masculine")),
        ("more like my teacher, in the style of Zanqui", set()),
        ("shaded thatch batman", set()),
        ("", set()),
    ],
)  # fmt: skip
def test_words_mean_what_they_say(prompt: str, meant: set[Mention]) -> None:
    assert set(hear(prompt)) == meant


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("style", ["full", "partial", "free"])
def test_what_the_grammar_says_is_heard(language, style) -> None:
    said = heard = both = 0
    for seed in range(40):
        rng = Random(seed)
        values = {attribute.key: rng.choice(attribute.values) for attribute in ATTRIBUTES}
        caption = describe(values, set(values), 0.4, seed, language=language, style=style)
        meant, found = set(caption.mentions), set(hear(caption.text))
        said, heard, both = said + len(meant), heard + len(found), both + len(meant & found)
    assert both >= 0.96 * said
    assert both >= 0.99 * heard


def test_the_judge_hears_typed_words_and_names_what_it_finds() -> None:
    def reading(images):
        def log_probability(column):
            attribute = ATTRIBUTES[column]
            value = {"hat": "cap", "glasses": "none"}.get(attribute.key, attribute.values[0])
            return torch.eye(len(attribute))[attribute.index(value)][None]

        return SimpleNamespace(log_probability=log_probability)

    judge, blank = TextJudge(reading, SimpleNamespace), torch.zeros(1, 3, 64, 64)
    [found] = judge.findings(blank, Text("with a hat and round glasses"))
    assert [(f.key, f.wanted, f.seen, f.right) for f in found] == [
        ("hat", "not none", "cap", True),
        ("glasses", "round", "none", False),
    ]
    assert judge.score(blank, Text("with a hat and round glasses")).item() == 0.5
    assert judge.findings(blank, Text("free words")) == [()]
    known = Text("whatever", [[Mention("hat", "cap")]])
    assert judge.score(blank, known).item() == 1.0
