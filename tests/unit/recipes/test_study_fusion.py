"""The study of fusions in miniature: what a run tells, and that none is made twice."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from misen.generators.gan.translation.network import NetworkSettings
from misen.metrics.alignment import Trial
from misen.recipes import study_fusion as recipe
from misen.recipes.study_fusion import Extent, Run
from misen.recipes.train_translation import build, table
from tiny import installed

__all__ = ["installed"]

SMALL = NetworkSettings(widths=(48, 40, 32), hidden=12, field=16, style=6)
EXTENT = Extent(steps=2, batch_size=4, minutes=1.0, count=3)


@pytest.fixture
def small(installed, monkeypatch):
    monkeypatch.setattr(recipe, "NETWORK", SMALL)
    monkeypatch.setattr(recipe, "CRITIC", replace(recipe.CRITIC, field=2, width=4))
    return installed


def run(fusion: str, seed: int, made: float) -> Run:
    """A run whose pictures of six items score ``made`` or a little more."""
    scores = made + 0.01 * torch.arange(6.0, dtype=torch.float64)
    trial = Trial(scores, torch.ones_like(scores), torch.zeros_like(scores))
    return Run(fusion, seed, 1000, 0.1, 64, trial, torch.tensor([True, False]))


def test_a_study_trains_each_network_once(small, world, tmp_path, monkeypatch):
    runs = recipe.study(str(world), tmp_path, 1, EXTENT)
    assert [(one.fusion, one.seed, one.samples) for one in runs] == [("spade", 0, 8), ("concat", 0, 8)]
    assert abs(runs[1].parameters / runs[0].parameters - 1) < 0.03
    assert all(len(one.trial) == 3 for one in runs)
    monkeypatch.setattr(recipe, "trained", lambda *_: pytest.fail("trained again"))
    again = recipe.study(str(world), tmp_path, 1, EXTENT)
    assert [one.row() for one in again] == [one.row() for one in runs]
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 3


def test_an_interrupted_run_goes_on(small, world, tmp_path):
    recipe.study(str(world), tmp_path, 1, EXTENT)
    journal = tmp_path / "runs.jsonl"
    first = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(first[:2]))
    recipe.study(str(world), tmp_path, 1, EXTENT)
    second = journal.read_text().splitlines(keepends=True)
    assert [json.loads(line)["row"]["trial"] for line in second[1:]] == [
        json.loads(line)["row"]["trial"] for line in first[1:]
    ]


def test_a_row_is_a_run():
    one = run("spade", 1, 0.5)
    back = Run.of(json.loads(json.dumps(one.row())))
    assert back.row() == one.row()


@torch.no_grad()
def test_flat_maps_are_told_apart_behind_spade_and_not_behind_concatenation(small):
    shares = {}
    for fusion in ("spade", "concat"):
        network = build(replace(SMALL, fusion=fusion), table(recipe.PORTS), 0)
        for parameter in network.parameters():
            parameter *= 3  # as loud as trained ones, so that maps are heard beside random styles
        shares[fusion] = recipe.probed(network, 0).double().mean()
    assert shares["spade"] >= 0.95
    assert shares["concat"] <= 0.6


def test_the_difference_is_that_of_the_same_pictures_and_seeds():
    runs = [run("spade", 0, 0.9), run("spade", 1, 0.8), run("concat", 0, 0.85), run("concat", 1, 0.77)]
    figure = recipe.difference(runs)
    assert figure.value == pytest.approx(0.04)
    assert (figure.low, figure.high) == (pytest.approx(0.03), pytest.approx(0.05))  # of one seed alone, and the other
    named = recipe.figures(runs)
    assert named["spade: flat maps told apart"].value == pytest.approx(0.5)
    assert len(list(recipe.lines(runs))) == len(runs) + len(named)


def test_the_command_line_states_the_extent(monkeypatch, tmp_path, capsys):
    asked, runs = [], [run("spade", 0, 0.9), run("concat", 0, 0.8)]
    monkeypatch.setattr(recipe, "study", lambda *given: asked.append(given) or runs)
    recipe.main(["cache", str(tmp_path / "study"), "--seeds", "1", "--steps", "7", "--minutes", "0.5"])
    assert asked == [("cache", tmp_path / "study", 1, Extent(steps=7, minutes=0.5))]
    assert "difference" in capsys.readouterr().out
