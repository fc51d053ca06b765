from __future__ import annotations

from pathlib import Path

import pytest

from misen.app.training import train
from misen.cli.entry import run
from misen.core.errors import ConfigError
from misen.recipes import train_joint
from misen.training import Outcome


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list:
    """What a recipe was asked to do."""
    made: list = []

    def record(config, folder, *, resume, allow):
        made.append((config, folder, resume, allow))
        return Outcome(3, 96, 0.5, config.data["reason"], Path("c.safetensors"), {"loss": 0.25})

    monkeypatch.setattr(train_joint, "train", record)
    return made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text('name = "some/run"\nrecipe = "joint"\nsteps = 3\n[data]\nreason = "steps"\n')
    return path


def test_the_recipe_of_the_configuration_runs(calls, config, tmp_path):
    train(config)
    train(config, overrides=["steps=9"], resume=True, allow=["lr"], folder=tmp_path)
    assert [(c.steps, *rest) for c, *rest in calls] == [
        (3, Path("runs/some/run"), False, ()),
        (9, tmp_path, True, ["lr"]),
    ]


@pytest.mark.parametrize("recipe", ["jont", "", "tokenizer", "../joint"])
def test_what_is_no_recipe_is_refused(recipe, config):
    with pytest.raises(ConfigError, match="there is no recipe"):
        train(config, overrides=[f'recipe="{recipe}"'])


def test_an_interrupted_run_says_so_with_its_code(calls, config, capsys):
    assert run(["train", str(config), "--json"]) == 0
    assert '"checkpoint": "c.safetensors"' in capsys.readouterr().out
    assert run(["train", str(config), "--set", 'data.reason="interrupted"']) == 130
    printed = capsys.readouterr()
    assert "loss  0.25" in printed.out
    assert printed.err == "misen: interrupted; what was finished is kept\n"


def test_bad_rows_are_skipped_on_request(calls, config, capsys):
    for arguments in ([], ["--skip-bad"], ["--set", "data.folder=a", "--skip-bad"]):
        assert run(["train", str(config), *arguments]) == 0
    capsys.readouterr()
    assert [config.data for config, *_ in calls] == [
        {"reason": "steps"},
        {"reason": "steps", "skip_bad": True},
        {"reason": "steps", "skip_bad": True, "folder": "a"},
    ]
