"""The recipes of ears, from the cache to the card, and the probe of what they hear."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest
import torch

from misen.core.errors import ConfigError
from misen.core.sound import SAMPLES
from misen.data.cache import build
from misen.data.speech import SPEECH, CachedSpeech, Speech, collate
from misen.modalities.audio.features import FEATURES, Features
from misen.nn.weights import read_card
from misen.perception import coach, judge
from misen.perception.heard import Heard
from misen.recipes import build_cache, probe_hearing, train_hearing, train_sync
from misen.recipes import ears as ears_recipe
from misen.recipes.probe_hearing import probe, recorded
from misen.scene.speech import VISEMES, sample_utterance
from misen.scene.splits import TRAIN_A
from misen.training.config import parse_config

CONFIG = """
name = "ears"
batch_size = 4
steps = 4
warmup = 1
ema = 0.5
precision = "fp32"
"""
MEASURED = 3
RECIPES = [(train_hearing, "hearing"), (train_sync, "sync")]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache") / "speech"
    list(build(folder, TRAIN_A.name, TRAIN_A.seeds(0, 8), contents=SPEECH, workers=1))
    return folder


@pytest.fixture
def ears(models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all models, empty; recipes measure on few utterances."""
    monkeypatch.setattr("misen.recipes.ears.MEASURED", MEASURED)
    return models


@pytest.mark.parametrize(("recipe", "what"), RECIPES)
@pytest.mark.parametrize(("side", "senses"), [("a", coach), ("b", judge)])
def test_a_run_ships_ears_and_the_truth_about_them(ears, spoken, tmp_path, recipe: ModuleType, what, side, senses):
    name = f"{what}-{side}"
    config = parse_config(CONFIG, overrides=[f"name={name}", f"model.side={side}", f'data.cache="{spoken}"'])
    recipe.train(config, tmp_path / "run")
    card, network = read_card(ears / name), getattr(senses, what)()
    assert card["training"]["samples"] == 16
    assert card["data"] == asdict(CachedSpeech(spoken).manifest)
    again = recipe.evaluate(network, MEASURED)
    for figure, stated in card["figures"].items():
        assert stated["value"] == pytest.approx(again[figure].value, abs=0.02)


def test_a_run_in_two_parts_is_the_same_run(ears, spoken, tmp_path, in_two_parts):
    config = parse_config(CONFIG, overrides=["model.side=a", f'data.cache="{spoken}"'])
    train_hearing.train(config, tmp_path / "whole")
    whole = read_card(ears / "ears")["sha256"]
    in_two_parts(train_hearing, config, tmp_path / "parts", ears_recipe)
    assert read_card(ears / "ears")["sha256"] == whole


def test_a_side_must_be_named(spoken, tmp_path):
    config = parse_config(CONFIG, overrides=["model.side=c", f'data.cache="{spoken}"'])
    with pytest.raises(ConfigError, match="side"):
        train_hearing.train(config, tmp_path)


def test_who_knows_the_mouth_hears_all_of_it():
    said: list[Speech] = [collate([sample_utterance(seed) for seed in (1, 2)])]

    def listen(waveform: torch.Tensor) -> Heard:
        visemes = torch.nn.functional.one_hot(said[0].visemes, len(VISEMES)).float()
        return Heard(visemes, said[0].mouth, said[0].mouth)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_hearing, "first_speech", lambda split, count: said)
        figures = train_hearing.evaluate(listen, 2)
    assert {name: figure.value for name, figure in figures.items()} == pytest.approx(
        {"visemes": 1.0, "openness": 1.0, "openness_r2": 1.0}
    )
    assert figures["visemes"].n == said[0].spoken.sum()


def test_the_command_builds_speech(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(build_cache, "build", lambda *given, **options: asked.append(options) or iter(()))
    build_cache.main([str(tmp_path), "--split", "test", "--count", "1", "--contents", "speech"])
    assert [options["contents"] for options in asked] == [SPEECH]


# --- probe -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts() -> tuple[list[Speech], list[Speech]]:
    learned, asked = range(24), range(24, 30)
    return tuple([collate([sample_utterance(seed) for seed in seeds])] for seeds in (learned, asked))


def test_a_feature_that_tells_the_mouth_passes_and_noise_does_not(parts):
    truth = {len(part[0]): part[0] for part in parts}

    def tell(waveform: torch.Tensor) -> torch.Tensor:
        speech = truth[len(waveform)]
        classes = torch.nn.functional.one_hot(speech.visemes, len(VISEMES))
        return torch.cat([speech.mouth[..., :1], classes], dim=2)

    noise = Features(4, lambda waveform: torch.randn(len(waveform), waveform.shape[1] // SAMPLES, 4))
    figures = probe({"truth": Features(12, tell), "noise": noise}, *parts)
    assert figures["truth"].visemes.value > 0.99
    assert figures["truth"].openness.value > 0.99
    assert figures["noise"].visemes.value < 0.4
    assert figures["noise"].openness.value < 0.1
    gain = figures["truth"].more(figures["noise"])
    assert gain.value == pytest.approx(figures["truth"].visemes.value - figures["noise"].visemes.value)
    assert (gain.n, gain.low > 0.4) == (6, True)


def test_cepstra_say_something_of_the_mouth(parts):
    figures = probe({"mfcc": FEATURES["mfcc"]}, *parts)
    assert figures["mfcc"].visemes.value > 0.25


def test_microphones_of_a_probe_are_the_same_each_time(parts):
    first, second = (list(recorded(parts[1], 3)) for _ in range(2))
    assert torch.equal(first[0].waveform, second[0].waveform)
    assert not torch.equal(first[0].waveform, parts[1][0].waveform)


def test_the_probe_prints_every_feature(parts, monkeypatch, capsys):
    from misen.perception.hearing import hearing_a

    monkeypatch.setattr(coach, "hearing", lambda: hearing_a().eval())
    monkeypatch.setattr(probe_hearing, "first_speech", lambda split, count: parts[count == 6])
    monkeypatch.setattr(probe_hearing, "FEATURES", {"mfcc": FEATURES["mfcc"]})
    probe_hearing.main("a", "24", "6")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["mfcc", "visemes"], ["mfcc", "openness"], ["hidden", "visemes"], ["hidden", "openness"],
    ]  # fmt: skip
    assert lines[-1].startswith("hidden over mfcc, visemes: ")
