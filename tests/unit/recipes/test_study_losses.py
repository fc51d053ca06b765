"""The study of losses in miniature: every network is trained, judged and kept, and none twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from misen.core.errors import InputError
from misen.data.cache import CachedWorld
from misen.generators.gan.stacked.discriminator import CriticSettings
from misen.generators.gan.stacked.network import StackedSettings
from misen.generators.gan.translation.network import NetworkSettings
from misen.perception.figures import Figure
from misen.recipes import ablations
from misen.recipes import study_losses as recipe

EXTENT = recipe.Extent(steps=2, batch_size=4, count=4)
FOUND = {"made", "oracle", "shuffled"}
COLUMNS = {"perceptual": {"lpips_a"}, "cycle": FOUND, "patches": FOUND, "contrastive": {"right"}}


@pytest.fixture
def models(models, tiny_weights, monkeypatch):
    """Networks of both sides with random weights, and networks in miniature to be studied."""
    models.mkdir()
    for name in ("joint-a", "observer-a", "joint-b", "observer-b"):
        (models / name).symlink_to(tiny_weights / name)
    small = NetworkSettings(widths=(8, 8, 8), hidden=4, field=4, style=4)
    monkeypatch.setattr(ablations, "PAINTER", small)
    monkeypatch.setattr(ablations, "WIDTHS", (8, 8))
    stacked = replace(
        ablations.NETWORK,
        network=StackedSettings(draws=8, width=16, mapping_layers=2, channels=(8, 8, 8), stages=2, heads=2),
        critics=CriticSettings((8, 8, 8), 16, 16),
    )
    monkeypatch.setattr(ablations, "NETWORK", stacked)
    return models


@pytest.mark.parametrize("loss", recipe.ABLATIONS)
def test_a_network_is_trained_with_and_without_its_loss(models, world, tmp_path, loss):
    rows = {}
    for present in (False, True):
        name = f"{loss}-{present}"
        bench = ablations.Bench(CachedWorld(world), recipe.configured(name, 0, EXTENT), tmp_path / name, EXTENT.count)
        samples, columns = recipe.ABLATIONS[loss].run(bench, present)
        rows[present] = columns
        assert samples == 8
        assert set(columns) == COLUMNS[loss]
        assert {len(values) for values in columns.values()} == {EXTENT.count}
        assert torch.isfinite(recipe.ABLATIONS[loss].score(columns))
    if loss != "contrastive":  # where a rank after two steps may be the same
        assert any(not torch.equal(rows[True][name], rows[False][name]) for name in COLUMNS[loss])


def test_networks_in_the_journal_are_not_trained_again(world, tmp_path, monkeypatch):
    trained = []

    def run(bench, present):
        trained.append(bench.folder.name)
        if len(trained) == 4:
            raise InputError("stopped")
        generator = torch.Generator().manual_seed(bench.config.seed)
        return 8, {"score": torch.rand(EXTENT.count, generator=generator, dtype=torch.float64) + present}

    ablation = ablations.Ablation(run, lambda columns: columns["score"].mean(), torch.sub)
    monkeypatch.setattr(recipe, "ABLATIONS", {"first": ablation, "second": ablation})
    with pytest.raises(InputError, match="stopped"):
        recipe.study(str(world), tmp_path, 2, EXTENT)
    runs = recipe.study(str(world), tmp_path, 2, EXTENT)
    assert trained[:4] == ["first-without-0", "first-with-0", "first-without-1", "first-with-1"]
    assert trained[3:5] == ["first-with-1", "first-with-1"]
    assert len(trained) == 9
    assert [run.loss for run in runs] == ["first"] * 4 + ["second"] * 4
    figures = recipe.figures(runs)
    assert figures["first: effect"].value == pytest.approx(1.0)
    assert figures["first: effect"].low == pytest.approx(1.0)
    assert figures["first: with"].value == pytest.approx(figures["first: without"].value + 1)
    assert figures["first: with"].low < figures["first: with"].high
    assert len(list(recipe.lines(runs))) == 8 + 6
    with pytest.raises(InputError, match="another measurement"):
        recipe.study(str(world), tmp_path, 2, replace(EXTENT, steps=3))
    assert {type(figure) for figure in figures.values()} == {Figure}


def test_a_perceptual_effect_is_a_ratio_and_the_others_are_differences():
    half = [{"lpips_a": torch.full((5,), 0.1)}]
    whole = [{"lpips_a": torch.full((5,), 0.2)}]
    assert recipe.effect(recipe.ABLATIONS["perceptual"], half, whole).value == pytest.approx(0.5)
    found = {"made": torch.full((5,), 0.6), "oracle": torch.full((5,), 0.9), "shuffled": torch.full((5,), 0.3)}
    missed = {**found, "made": torch.full((5,), 0.45)}
    assert recipe.effect(recipe.ABLATIONS["cycle"], [found], [missed]).value == pytest.approx(0.25)
    right, wrong = ([{"right": torch.full((5,), share)}] for share in (1.0, 0.25))
    assert recipe.effect(recipe.ABLATIONS["contrastive"], right, wrong).value == pytest.approx(0.75)


def test_the_command_line_does_the_study_and_prints_it(world, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(recipe, "study", lambda *given: asked.append(given) or [])
    recipe.main([str(world), str(tmp_path / "study"), "--seeds", "2", "--steps", "5", "--minutes", "0.5"])
    assert asked == [(str(world), tmp_path / "study", 2, recipe.Extent(steps=5, minutes=0.5))]
    assert (tmp_path / "study").is_dir()
    assert capsys.readouterr().out == ""
