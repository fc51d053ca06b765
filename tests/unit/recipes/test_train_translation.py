"""The recipe of translating networks, from the cache to the card."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from misen.core.condition import Condition
from misen.data.cache import CachedWorld
from misen.generators.gan import folder as files
from misen.generators.gan.translation.network import TranslationNetwork
from misen.nn.weights import read_card
from misen.recipes import train_correspondence as matching
from misen.recipes import train_translation as recipe
from misen.training import load_config
from tiny import installed

__all__ = ["installed"]

NAME = "avatars/spade"
CONFIG = f"""
name = "{NAME}"
recipe = "translation"
batch_size = 4
steps = 4
warmup = 1
weight_decay = 0.0
ema = 0.5
[model]
network = {{ widths = [8, 6, 4, 4], hidden = 4, field = 4, style = 3 }}
critic = {{ field = 2, width = 4, scales = 2 }}
[model.ports]
segmentation = {{ layout = "map", share = 1.0 }}
sketch = {{ layout = "map" }}
exemplar = {{ layout = "vector" }}
"""


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """The folder of all models, with the coach's observer."""
    models.mkdir()
    (models / "observer-a").symlink_to(tiny_weights / "observer-a")
    monkeypatch.setattr(recipe, "WATCHED", 2)
    return models


@pytest.mark.parametrize("fusion", ["spade", "concat"])
def test_a_run_ships_a_model_and_the_truth_about_it(models, config, world, tmp_path, fusion):
    outcome = recipe.train(config(f'model.network.fusion="{fusion}"'), tmp_path / "run")
    card, generator = read_card(models / NAME), files.load(models / NAME)
    assert (outcome.step, card["name"], card["family"], card["kind"]) == (4, NAME, "gan", "translation")
    assert (card["sampler"], card["steps"], card["guidance_scale"]) == ("walk", 60, 1.0)
    assert card["data"] == {"cache": CachedWorld(world).fingerprint}
    assert card["parameters"] == sum(parameter.numel() for parameter in generator.networks.parameters())
    assert generator.networks.settings.fusion == fusion
    assert {name: (port.layout, port.width) for name, port in generator.ports.items()} == {
        "segmentation": ("map", 17), "sketch": ("map", 1), "exemplar": ("vector", 320)
    }  # fmt: skip
    assert '"evaluation.iou_coach"' in (tmp_path / "run" / "log.jsonl").read_text()


def test_a_run_in_two_parts_is_one_run(models, config, tmp_path, in_two_parts):
    recipe.train(config(), tmp_path / "whole")
    whole = read_card(models / NAME)["sha256"]
    in_two_parts(recipe, config(), tmp_path / "parts")
    assert read_card(models / NAME)["sha256"] == whole


def test_each_sample_has_a_subset_of_its_own(models, config, world):
    settings = config().section("model", recipe.Settings)
    network = recipe.build(settings.network, recipe.table(settings.ports), 0)
    batches = recipe.TranslationBatches(CachedWorld(world), network, settings.ports, config())
    seen = [batches(step) for step in range(6)]
    sketched = torch.cat([batch["conditions"]["sketch"].present for batch in seen if "sketch" in batch["conditions"]])
    assert all(batch["conditions"]["segmentation"].present.all() for batch in seen)
    assert sketched.any()
    assert not sketched.all()
    again = batches(3)
    assert torch.equal(again["image"], seen[3]["image"])
    for name, condition in again["conditions"].items():
        assert torch.equal(condition.value, seen[3]["conditions"][name].value)


@pytest.mark.parametrize("name", ["spade", "concat", "cocosnet"])
def test_a_picture_costs_less_than_the_budget(installed, root, name):
    config = load_config(root / "configs" / "gan" / f"{name}.toml")
    exemplar = matching.EXEMPLAR if name == "cocosnet" else ""
    settings = config.section("model", matching.MatchingSettings)
    ports = recipe.table(settings.ports, exemplar)
    network = recipe.build(settings.network, ports, 0).eval()
    widths = {**ports.maps, **({exemplar: 3} if exemplar else {})}
    given = {port: Condition.full("map", torch.zeros(1, width, 64, 64)) for port, width in widths.items()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        assert network(given, torch.zeros(1, settings.network.style)).shape == (1, 3, 64, 64)
    assert counter.get_total_flops() <= 0.7e9


def test_both_configurations_have_as_many_parameters(installed, root):
    counts = []
    for name in ("spade", "concat"):
        settings = load_config(root / "configs" / "gan" / f"{name}.toml").section("model", recipe.Settings)
        network: TranslationNetwork = recipe.build(settings.network, recipe.table(settings.ports), 0)
        counts.append(sum(parameter.numel() for parameter in network.parameters()))
    assert abs(counts[1] / counts[0] - 1) < 0.02
