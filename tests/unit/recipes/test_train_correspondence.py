"""The recipe of networks that match exemplars, from the cache to the card, and what is measured of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen.generators.gan import folder as files
from misen.generators.gan.translation.generator import TranslationGenerator
from misen.generators.gan.translation.network import NetworkSettings
from misen.nn.weights import read_card
from misen.recipes import train_correspondence as recipe
from misen.recipes import train_translation
from misen.recipes.train_translation import Entrance, build, table
from tiny import installed

__all__ = ["installed"]

NAME = "avatars/cocosnet"
CONFIG = f"""
name = "{NAME}"
recipe = "correspondence"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
network = {{ widths = [8, 6, 4, 4], hidden = 4, field = 4, style = 3, domain = 8, depth = 1 }}
critic = {{ field = 2, width = 4, scales = 2 }}
[model.ports]
segmentation = {{ layout = "map", share = 1.0 }}
exemplar = {{ layout = "map", share = 0.8 }}
"""
SMALL = NetworkSettings(widths=(8, 6, 4, 4), hidden=4, field=4, style=3, domain=8, depth=1)
PORTS = {"segmentation": Entrance("map"), "exemplar": Entrance("map")}


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """The folder of all models, with the coach's observer."""
    models.mkdir()
    (models / "observer-a").symlink_to(tiny_weights / "observer-a")
    monkeypatch.setattr(train_translation, "WATCHED", 2)
    monkeypatch.setattr(recipe, "MEASURED", 3)
    return models


def test_a_run_ships_a_model_and_the_truth_about_it(models, config, tmp_path):
    recipe.train(config(), tmp_path / "run")
    card, generator = read_card(models / NAME), files.load(models / NAME)
    assert generator.networks.table.exemplar == "exemplar"
    assert {name: (port.layout, port.width) for name, port in generator.ports.items()} == {
        "segmentation": ("map", 17), "exemplar": ("map", 3)
    }  # fmt: skip
    again = recipe.evaluate(generator, 3)
    assert set(card["figures"]) == set(again)
    for name, figure in again.items():
        assert card["figures"][name]["value"] == pytest.approx(figure.value, rel=0.05)
    assert card["figures"]["end_point_error"]["n"] == 3


def test_a_run_in_two_parts_is_one_run(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole


def test_heads_are_turned_as_far_as_asked():
    [heads] = recipe.turned_heads(4)
    yaw = heads.truth.record.camera[:, 0] - recipe.companion(heads.truth.record).camera[:, 0]
    degrees = torch.rad2deg(yaw).abs()
    assert len(heads.truth) == 4
    assert degrees.min() >= 40
    assert degrees.max() <= 60
    assert torch.equal(heads.truth.exemplar, heads.shown.image)


@torch.no_grad()
def test_true_pictures_have_the_colors_of_their_exemplars(installed, monkeypatch):
    generator = TranslationGenerator(build(SMALL, table(PORTS, "exemplar"), 0).eval())
    monkeypatch.setattr(recipe, "painted", lambda _, truth: truth.observation.image)
    figures = recipe.evaluate(generator, 6)
    assert figures["part_colors_normalized"].value == pytest.approx(1)
    monkeypatch.setattr(recipe, "painted", lambda _, truth: -truth.observation.image)
    assert recipe.evaluate(generator, 6)["part_colors"].value > 2 * figures["part_colors"].value
    assert 10 < figures["end_point_error_random"].value < 45


@torch.no_grad()
def test_who_matches_places_finds_them_again_and_who_looks_up_does_not(installed, monkeypatch):
    generator = TranslationGenerator(build(SMALL, table(PORTS, "exemplar"), 0).eval())
    rows, [heads] = 16, recipe.turned_heads(4, turned=recipe.ANYHOW)
    for looks, found in ((torch.eye(rows**2), 1.0), (torch.eye(rows**2).roll(3 * rows, 1), 0.0)):
        match = SimpleNamespace(shares=lambda looks=looks: looks.expand(4, -1, -1))
        monkeypatch.setattr(recipe, "_matched", lambda one, truth, match=match: (match, rows))
        share = recipe._found_again(generator, heads)
        assert share[~share.isnan()].mean().item() == pytest.approx(found, abs=0.35 * (found == 0))


@torch.no_grad()
def test_models_told_by_a_vector_are_measured_alike(installed):
    ports = {"segmentation": Entrance("map"), "exemplar": Entrance("vector")}
    figures = recipe.evaluate(TranslationGenerator(build(SMALL, table(ports), 0).eval()), 2)
    assert set(figures) == {"part_colors", "part_colors_normalized"}


@torch.no_grad()
def test_who_shows_the_truth_comes_nearer_than_who_shows_its_negative(installed, monkeypatch):
    true, negative = (TranslationGenerator(build(SMALL, table(PORTS, "exemplar"), seed).eval()) for seed in (0, 1))
    signs = {id(true): 1, id(negative): -1}
    monkeypatch.setattr(recipe, "painted", lambda one, truth: signs[id(one)] * truth.observation.image)
    figure = recipe.nearer(true, negative, 6)
    assert 0.5 < figure.value < 1
    assert figure.low <= figure.value <= figure.high
