"""Words one by one: what is counted of pictures with a word, without it, and of nothing."""

from __future__ import annotations

import pytest
import torch

from misen.generators.gan.stacked.generator import StackedGenerator
from misen.generators.gan.stacked.network import StackedNetwork, StackedSettings
from misen.perception import coach
from misen.recipes import evaluate_stacked as recipe
from misen.recipes.train_stacked_gan import TEXT, TRAITS, table

PROBE = recipe.PROBES[0]


@pytest.fixture
def models(models, tiny_weights):
    """The networks that look, with random weights."""
    models.mkdir()
    for name in ("joint-a", "observer-b"):
        (models / name).symlink_to(tiny_weights / name)
    return models


@pytest.fixture
def generator(models):
    lines = list(table([TRAITS, TEXT]))
    torch.manual_seed(0)
    settings = StackedSettings(draws=8, width=16, mapping_layers=2, channels=(8, 8, 8), stages=2, heads=2)
    return StackedGenerator(StackedNetwork(settings, lines).requires_grad_(False).eval())


def test_a_word_is_left_out_without_a_trace():
    assert PROBE.spoken("red") == "a person with red hair"
    assert PROBE.spoken("") == "a person with hair"


def test_places_that_look_where_the_part_is_cover_it():
    part = torch.zeros(2, 10, 10, dtype=torch.bool)
    part[:, :2] = True
    right, wrong = part.float() + torch.rand(2, 10, 10) / 10, (~part).float()
    wrong[:, -2:] += 1
    assert torch.equal(recipe.overlap(right, part), torch.ones(2))
    assert torch.equal(recipe.overlap(wrong, part), torch.zeros(2))


def test_every_figure_is_a_share(generator):
    figures = recipe.measure(generator, PROBE, 4)
    assert list(figures) == ["said", "left out", "nothing said", "covered", "by chance"]
    assert all(figure.n == 4 and 0 <= figure.value <= 1 for figure in figures.values())


def test_looks_are_those_at_the_tokens_of_the_word(generator):
    told, word = "a person with red hair", "red"
    maps = torch.zeros(generator.networks.conditioning.length, 2, 2)
    places = recipe.spell(coach.text_encoder().tokenizer, told).places(word)
    for place in places:
        maps[16 + place] = 1.0  # the traits stand before the words
    assert recipe._looks(generator, maps, told, word).min() == len(places)
    assert recipe._looks(generator, maps, told, "hair").max() == 0
    assert recipe._looks(generator, maps, "a person", word).max() == 0
