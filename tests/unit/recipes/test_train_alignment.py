"""The recipe of the alignment, from what is said of pictures to the folder inside that of the generator."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch

from misen.app import load
from misen.assembly import open_model
from misen.core.errors import InputError
from misen.core.guidance import Guidance
from misen.core.view import View
from misen.data.cache import CachedWorld
from misen.data.world import first_truths
from misen.generators.gan import folder as files
from misen.generators.gan.generator import StyleGenerator
from misen.generators.gan.networks import StyleNetworks, StyleSettings
from misen.metrics.alignment import Trial
from misen.modalities.segmentation.signal import Segmentation
from misen.modalities.text.energy import ClaimsEnergy
from misen.modalities.text.signal import Text
from misen.nn.description import read_card
from misen.perception import coach
from misen.recipes import evaluate_alignment
from misen.recipes import train_alignment as recipe
from misen.scene.splits import TEST

BASE, NAME = "avatars/gan", "avatars/gan/alignment"
CONFIG = """
name = "alignment"
recipe = "alignment"
batch_size = 4
steps = 4
warmup = 1
log_every = 2
weight_decay = 0.0
ema = 0.5
[model]
judged = false
[model.ports]
text = { layout = "tokens", share = 0.7 }
segmentation = { layout = "map", share = 0.7 }
sketch = { layout = "map" }
[model.network]
widths = [8, 8]
units = [0, 0]
summary = 4
words = 8
looks = 2
hidden = 16
"""


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """The networks that steer and a generator of 16 pixels, with random weights; few pictures are watched."""
    models.mkdir()
    for name in ("joint-a", "observer-a", "joint-b", "observer-b"):
        (models / name).symlink_to(tiny_weights / name)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        networks = StyleNetworks(StyleSettings(6, 8, 2, (12, 8), (8, 8), (0, 0), 4)).requires_grad_(False).eval()
        networks.mapping.settle(torch.randn(100, 6))
    card = {"name": BASE, "licence": "none", "sampler": "walk", "steps": 3, "guidance_scale": 1.0}
    files.save(StyleGenerator(networks, card), models / BASE)
    monkeypatch.setattr(recipe, "MEASURED", 4)
    monkeypatch.setattr(recipe, "SETTLED", 8)
    monkeypatch.setattr(evaluate_alignment, "WATCHED", 4)
    return models


@pytest.fixture
def truths():
    return list(first_truths(TEST, 6, 3))


def test_a_run_lays_an_alignment_beside_the_generator_and_tells_the_truth_about_it(models, config, world, tmp_path):
    outcome = recipe.train(config(), tmp_path / "run")
    card, model = read_card(models / NAME), load("gan")
    generator = model.opened.generator
    assert (card["name"], card["kind"], card["training"]["samples"]) == (NAME, "alignment", 16)
    assert card["base"]["sha256"] == read_card(models / BASE)["sha256"]
    assert card["data"] == asdict(CachedWorld(world).manifest)
    assert card["parameters"] == sum(parameter.numel() for parameter in generator.alignment.parameters())
    assert card["figures"]["text_found"]["n"] == 4
    assert 0 <= outcome.figures["evaluation.segmentation_found"] <= 1
    assert {"alignment.obedience", "alignment.contrast", "alignment.text"} <= set(outcome.figures)
    assert {name: port.layout for name, port in generator.ports.items()} == {
        "text": "tokens", "segmentation": "map", "sketch": "map"
    }  # fmt: skip
    assert "native: port 'text' was trained on text" in model.plan("a red hat", seed=0).explain()
    coarse = Guidance(signal=Segmentation(torch.zeros(64, 64, dtype=torch.long)), window=(0, 0.5))
    made = model.synthesize("a red hat", coarse, sampler="layers", seed=1)
    assert [decision.route for decision in made.plan.decisions] == ["native", "native"]
    assert made.images[0].tensor.shape == (3, 16, 16)


def test_resuming(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole


def test_it_can_be_learned_anew_after_the_generator_was(models, config, tmp_path):
    recipe.train(config("steps=1"), tmp_path / "first")
    generator = files.load_bare(models / BASE)
    generator.networks.synthesis.exit.bias.fill_(0.25)
    files.save(generator, models / BASE)
    recipe.train(config("steps=1"), tmp_path / "second")
    assert open_model("gan").generator.ports


def test_models_of_other_kinds_are_refused(models, monkeypatch):
    monkeypatch.setattr(recipe, "load_bare", lambda folder: SimpleNamespace(kind="stacked"))
    with pytest.raises(InputError, match="no latents of layers"):
        recipe.style_based(BASE)


def test_a_batch_says_of_pictures_what_is_true_of_them(models, config, world):
    settings = config().section("model", recipe.Settings)
    batches = recipe.SaidBatches(CachedWorld(world), settings.ports, 16, config())
    batch, again = batches(1), batches(1)
    assert batch["pictures"].shape == (4, 3, 16, 16)
    assert batch["conditions"]["text"].value.shape == (4, 64, 192)
    for name, condition in batch["conditions"].items():
        assert torch.equal(condition.present, again["conditions"][name].present)
        assert torch.equal(condition.value, again["conditions"][name].value)
        assert len(batch["signals"][name]) == 4
        suits = recipe.suits(batch["signals"][name], batch["truth"])
        assert suits.diagonal().all()
    assert torch.equal(suits, torch.eye(4, dtype=torch.bool))


def test_claims_that_are_known_are_those_that_would_be_heard(models, truths):
    look = recipe.Glance(coach.observer())
    words = Text(["a man with red hair", "a woman without glasses"])
    heard = ClaimsEnergy(look).claimed(words)
    told = Text(list(words.prompts), [tuple(mentions) for mentions in heard])
    view = View(truths[0].observation.image[:2])
    assert recipe.KnownClaims(look).claimed(told) == heard
    values = [energy(look).begin(told, view)(view) for energy in (ClaimsEnergy, recipe.KnownClaims)]
    assert torch.equal(*values)


def test_pictures_are_looked_at_once():
    asked = []
    look = recipe.Glance(lambda images: asked.append(images) or len(asked))
    first, second = torch.zeros(1), torch.zeros(1)
    assert [look(first), look(first), look(second), look(second)] == [1, 1, 2, 2]
    energies = recipe.steering(("text", "segmentation", "sketch"), look)
    assert isinstance(energies["text"], recipe.KnownClaims)
    assert all(energies[name].look is look for name in energies)


# --- what is measured ------------------------------------------------------------------------------------------------


def test_wishes_find_their_pictures_by_cosine():
    others = ~torch.eye(3, dtype=torch.bool)
    right = evaluate_alignment.Meeting(torch.eye(3), others)
    assert right.found.tolist() == [1, 1, 1]
    assert right.nearer.tolist() == [1, 1, 1]
    wrong = evaluate_alignment.Meeting(torch.eye(3).roll(1, 0), others)
    assert wrong.found.tolist() == [0, 0, 0]
    assert wrong.nearer.tolist() == [-0.5, -0.5, -0.5]
    excused = evaluate_alignment.Meeting(torch.eye(3).roll(1, 0), torch.zeros(3, 3, dtype=torch.bool))
    assert excused.found.tolist() == [1, 1, 1]


def test_every_figure_of_the_bar_is_measured(models, config, world, truths, monkeypatch):
    settings, stored = config().section("model", recipe.Settings), CachedWorld(world)
    generator = recipe.prepare(recipe.style_based(BASE), settings, stored, 0)
    generator.alignment.requires_grad_(False).eval()
    monkeypatch.setattr(evaluate_alignment, "first_truths", lambda split, count, chunk: truths)
    judged = []
    monkeypatch.setattr(evaluate_alignment, "examine", lambda judge, signal, made, true: judged.append(made) or trial())
    figures = evaluate_alignment.measure(generator, 6)
    for name in ("text", "segmentation", "sketch"):
        kinds = ("found", "nearer", "obeyed", "obeyed_together")
        assert all(figures[f"{name}_{kind}"].n == 6 for kind in kinds)
        assert figures[f"{name}_obeyed"].value == pytest.approx(0.5)
    assert len(judged) == 12
    assert all(made.shape == (3, 3, 16, 16) for made in judged)
    same = [torch.equal(one, other) for one, other in zip(judged[::2], judged[1::2], strict=True)]
    assert not any(same)


def trial():
    return Trial(torch.full((3,), 0.6), torch.ones(3), torch.full((3,), 0.2))
