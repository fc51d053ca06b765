"""The recipe of the stacked generator, from what is told to the card."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from misen.assembly import open_model
from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.generators.gan.stacked.generator import StackedGenerator
from misen.metrics.fid import Moments
from misen.nn.description import read_card
from misen.perception import coach
from misen.perception.claims import false_of
from misen.recipes import train_stacked_gan as recipe
from misen.recipes.train_joint import captions_of
from misen.scene.splits import TEST

NAME = "avatars/stacked"
CONFIG = f"""
name = "{NAME}"
recipe = "stacked_gan"
batch_size = 4
steps = 4
warmup = 1
log_every = 2
weight_decay = 0.0
ema = 0.5
[model]
ports = {{ text = 1.0, attributes = 0.5 }}
[model.network]
draws = 8
width = 16
mapping_layers = 2
channels = [8, 8, 8]
stages = 2
heads = 2
[model.critics]
channels = [8, 8, 8]
features = 16
words = 16
[model.rules]
penalty_every = 2
[model.rules.contrast]
sentence = 0.1
words = 0.1
"""


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """The networks that train, with random weights; few pictures are watched, and none judged."""
    models.mkdir()
    for name in ("joint-a", "observer-a"):
        (models / name).symlink_to(tiny_weights / name)
    monkeypatch.setattr(recipe, "WATCHED", 4)
    monkeypatch.setattr(recipe, "evaluate", lambda game, count: {"obeyed": {"value": 0.5, "n": count}})
    return models


@pytest.fixture
def truth():
    (truth,) = first_truths(TEST, 6)
    return truth


def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path):
    outcome = recipe.train(config(), tmp_path / "run")
    card, opened = read_card(models / NAME), open_model(NAME)
    assert (card["name"], card["family"], card["kind"]) == (NAME, "gan", "stacked")
    assert card["training"]["samples"] == 16
    assert card["data"] == {"cache": CachedWorld(world).fingerprint}
    assert card["parameters"] == sum(parameter.numel() for parameter in opened.generator.networks.parameters())
    assert (opened.defaults.sampler, opened.defaults.scale, opened.generator.size) == ("walk", 1.0, 32)
    assert {name: port.layout for name, port in opened.generator.ports.items()} == {
        "text": "tokens", "attributes": "tokens"
    }  # fmt: skip
    assert card["figures"] == {"obeyed": {"value": 0.5, "n": recipe.MEASURED}}
    assert 0 <= outcome.figures["evaluation.obeyed"] <= 1
    assert {"generator.sentence", "generator.words", "matching.loss", "critics.penalty"} <= set(outcome.figures)


def test_resuming(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole


def test_a_batch_tells_of_pictures_and_of_others(models, config, world):
    settings = config().section("model", recipe.Settings)
    batches = recipe.ToldBatches(CachedWorld(world), settings, config())
    for step in range(4):
        batch, again = batches(step), batches(step)
        told, strange = batch["conditions"], batch["strange"]
        assert batch["pictures"].shape == (4, 3, 32, 32)
        assert told["text"].present.all()
        assert torch.equal(told["text"].value, again["conditions"]["text"].value)
        assert torch.equal(told["attributes"].present, again["conditions"]["attributes"].present)
        for name in told:
            assert torch.equal(strange[name].value, told[name].value.roll(1, 0))
            assert torch.equal(strange[name].present, told[name].present.roll(1, 0))
        truth = CachedWorld(world).truth(batches.order(step)[0])
        said, seen = batch["spoken"]["denied"], recipe.shown_in(truth)
        refuted = false_of(said, seen)
        assert not refuted.diagonal().any()
        by_words = refuted[torch.arange(4).roll(1), torch.arange(4)]
        assert (batch["contradicted"] >= by_words).all()


def test_what_is_told_is_true_of_its_own_picture(models, truth):
    seen, seeds = recipe.shown_in(truth), truth.record.seed
    for told in (recipe.tell_words(captions_of(truth, seeds.tolist())), recipe.tell_traits(truth, seeds)):
        assert not (told.denied & seen).any()
        assert told.denied.any()
        assert len(told.condition) == len(truth)


def test_words_are_counted_without_beginning_end_and_padding_and_places_are_those_of_the_sentences(models, truth):
    captions = captions_of(truth, truth.record.seed.tolist())
    said = recipe.spoken(captions, recipe.tell_words(captions))
    sentences = [caption.text for caption in captions]
    lengths = [len(ids) for ids in coach.text_encoder().tokenize(sentences)]
    assert said["counted"].sum(dim=1).tolist() == [length - 2 for length in lengths]
    assert not said["counted"][:, 0].any()
    with torch.no_grad():
        places = coach.joint().text(sentences)
    assert torch.cosine_similarity(said["places"], places).min() > 0.99  # one of them in bfloat16


def test_critics_that_are_told_nothing_have_no_ports(models, config):
    settings = config("model.critics_told=false").section("model", recipe.Settings)
    game = recipe.build(settings, 0)
    assert game.critics.conditioning.table == ()
    assert [port.name for port in game.networks.conditioning.table] == ["text", "attributes"]
    again = recipe.build(settings, 0)
    pairs = zip(game.networks.parameters(), again.networks.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_stages_are_measured_and_wrong_words_ranked(models, config, monkeypatch):
    people = recipe.sitters(6)
    monkeypatch.setattr(recipe, "judge_pictures", lambda made, people: {"size": made.shape[-1]})
    grader = SimpleNamespace(name="tiny", survey=lambda images: SimpleNamespace(features=images.flatten(1)[:, :8]))
    monkeypatch.setattr(recipe, "shipped_grader", lambda: grader)
    reference = SimpleNamespace(moments=Moments.of(torch.randn(20, 8, generator=torch.Generator().manual_seed(0))))
    monkeypatch.setattr(recipe, "Reference", SimpleNamespace(load=lambda folder, name: reference))
    monkeypatch.setattr(recipe.weights, "shipped", lambda name: models / name)
    game = recipe.build(config().section("model", recipe.Settings), 0)
    game.networks.eval()
    figures = recipe.measure(StackedGenerator(game.networks), people)
    assert figures["size"] == 32
    assert {name for name in figures if name != "size"} == {"fid_a_16", "fid_a_32"}
    ranks = recipe.rank(game, people)
    assert set(ranks) == {"ranked_16", "ranked_32"}
    assert all(0 <= share.low <= share.value <= share.high <= 1 for share in ranks.values())
