"""The recipe of the upscaler, from the cache of pairs to the card."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from misen.core.image import from_bytes, to_bytes
from misen.data.cache import build
from misen.data.pairs import PAIRS, CachedPairs, Pair
from misen.generators.diffusion.upscaler.enlargement import Habits
from misen.generators.diffusion.upscaler.folder import load
from misen.generators.diffusion.upscaler.resolution import enlarge, shrink
from misen.metrics.lpips import Lpips
from misen.nn import weights
from misen.nn.weights import read_card
from misen.perception.joint import joint_b
from misen.perception.observer import observer_b
from misen.recipes import train_upscaler as recipe
from misen.scene.splits import TRAIN_A

CONFIG = """
name = "avatars/upscaler"
recipe = "upscaler"
batch_size = 4
steps = 8
warmup = 1
weight_decay = 0.0
ema = 0.5
precision = "fp32"
[model]
crop = 8
perceptual = 0.0
network = { channels = [8, 8], units = [1, 1], embedding = 8 }
habits = { steps = 2, level = 0.1, tolerance = 0.02 }
"""
SIZE, MEASURED = 64, 6


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """A cache of eight pairs, of 16 and 64 pixels."""
    folder = tmp_path_factory.mktemp("cache") / "pairs"
    list(build(folder, TRAIN_A.name, TRAIN_A.seeds(0, 8), contents=PAIRS, size=SIZE, workers=1))
    return folder


@pytest.fixture
def judged(codecs, monkeypatch):
    """The folder of all models, with an untrained codec and judge."""
    for name, network in {"observer-b": observer_b, "joint-b": joint_b}.items():
        weights.save(network(), codecs / name, {"name": name})
    monkeypatch.setattr(recipe, "MEASURED", MEASURED)
    return codecs


def test_a_run_ships_a_model_and_the_truth_about_it(judged, config, world, tmp_path):
    outcome = recipe.train(config(), tmp_path / "run")
    folder = judged / "avatars" / "upscaler"
    card, upscaler = read_card(folder), load(folder)
    assert (outcome.step, card["name"], card["training"]["samples"]) == (8, "avatars/upscaler", 32)
    assert card["parameters"] == sum(parameter.numel() for parameter in upscaler.network.parameters())
    assert card["data"] == asdict(CachedPairs(world).manifest)
    assert str(world) not in (folder / "card.toml").read_text()
    assert "family" not in card
    assert (upscaler.small, upscaler.size, upscaler.habits) == (16, 64, Habits(2, 0.1, 0.02))
    figures, again = card["figures"], recipe.likeness(upscaler, MEASURED)
    for name in ("low_pass", "lpips_ratio"):
        assert figures[name]["value"] == pytest.approx(again[name]["value"], rel=0.05)
        assert figures[name]["n"] == MEASURED
    assert figures["low_pass"]["value"] <= 0.03
    assert figures["lpips_ratio"]["low"] <= figures["lpips_ratio"]["value"] <= figures["lpips_ratio"]["high"]
    assert figures["attributes_kept"]["n"] == MEASURED
    assert figures["cost"]["gflop"] > 0


def test_going_on_and_resuming(judged, config, tmp_path, in_two_parts, monkeypatch):
    monkeypatch.setattr(recipe, "evaluate", lambda upscaler, count: {})
    folder = judged / "avatars" / "upscaler"
    recipe.train(config(), tmp_path / "whole")
    whole, sha256 = weights.read_tensors(folder / weights.WEIGHTS), read_card(folder)["sha256"]
    recipe.train(config("model.go_on=true", "lr=1e-12", "seed=7"), tmp_path / "unmoved")
    unmoved = weights.read_tensors(folder / weights.WEIGHTS)
    assert all(torch.equal(unmoved[name], tensor) for name, tensor in whole.items())
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(folder)["sha256"] == sha256


def test_a_batch_holds_small_pictures_of_three_looks_and_crops_that_belong_to_them(config, world):
    pairs = CachedPairs(world)
    decoded = torch.full((8, 16, 16, 3), 128, dtype=torch.uint8)
    batches, seen = recipe.PairBatches(pairs, decoded, 8, config()), set()
    for step in range(8):
        batch, again = batches(step), batches(step)
        assert all(torch.equal(batch[name], again[name]) for name in batch)
        whole = pairs.pair(batches.order(step)[0])
        looks = {"render": whole.small, "average": shrink(whole.large, 4), "decoded": from_bytes(decoded[:4])}
        for item, (row, column) in enumerate(batch["corners"].tolist()):
            seen |= {name for name, look in looks.items() if torch.equal(batch["small"][item], look[item])}
            part = whole.large[item, :, 4 * row : 4 * row + 32, 4 * column : 4 * column + 32]
            assert torch.equal(batch["large"][item], part)
    assert seen == {"render", "average", "decoded"}


def test_the_codec_leaves_its_artefacts(codecs, world):
    pairs = CachedPairs(world)
    decoded = recipe.through_codec(pairs)
    assert decoded.shape == (8, 16, 16, 3)
    assert not torch.equal(decoded, to_bytes(pairs.small(slice(0, 8))))


def test_nine_crops_cover_a_picture_evenly():
    picture = torch.arange(256.0).expand(1, 3, 256, 256)
    crops = list(recipe.nine(picture))
    assert {crop.shape for crop in crops} == {(1, 3, 64, 64)}
    assert [crop[0, 0, 0, 0].item() for crop in crops] == [0, 96, 192] * 3


def test_interpolation_is_no_better_than_itself(monkeypatch):
    """The ratio of distances is 1 for bicubic interpolation, and 0 for the truth."""
    generator = torch.Generator().manual_seed(0)
    pair = Pair(*(torch.rand(2, 3, size, size, generator=generator) * 2 - 1 for size in (16, 64)))
    monkeypatch.setattr(recipe, "test_pairs", lambda size, count: iter([pair]))
    monkeypatch.setattr(recipe, "shipped_grader", lambda: type("Grader", (), {"lpips": lambda self: Lpips(edges)})())
    upscaler = type("Sizes", (), {"small": 16, "size": 64})()
    for made, ratio in ((lambda small: enlarge(small, 4).clamp(-1, 1), 1.0), (lambda small: pair.large, 0.0)):
        monkeypatch.setattr(recipe, "enlarger", lambda upscaler, made=made: made)
        assert recipe.likeness(upscaler, 2)["lpips_ratio"]["value"] == pytest.approx(ratio, abs=1e-6)


def edges(images):
    return (images.diff(dim=2), images.diff(dim=3))
