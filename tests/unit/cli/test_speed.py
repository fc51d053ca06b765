"""Options of speed on the command line: what they change is in the recipe, and comes again from it."""

from __future__ import annotations

import pytest

from misen.app import Recipe, acceleration
from misen.app.acceleration import Choice
from misen.core.execution import Execution


@pytest.mark.parametrize(
    ("options", "interval", "execution"),
    [
        ([], 1, None),
        (["--cache-interval", "2"], 2, None),
        (["--accelerate"], 1, Execution("bfloat16")),
        (["--accelerate", "--cache-interval", "3"], 3, Execution("bfloat16")),
    ],
)
def test_speed_is_in_the_recipe_and_comes_again(misen, installed, tmp_path, monkeypatch, options, interval, execution):
    monkeypatch.setattr(acceleration, "choose", lambda *_: Choice(Execution("bfloat16"), "it is fast"))
    out = tmp_path / "fast.png"
    made = misen("generate", "--text", "a man", "--seed", 3, *options, "-o", out)
    assert made.code == 0, made.err
    recipe = Recipe.read(out)
    assert recipe.cache_interval == interval
    assert (recipe.execution and recipe.execution.execution()) == execution
    monkeypatch.setattr(acceleration, "choose", lambda *_: pytest.fail("a recipe needs no probe"))
    assert misen("replay", out).out.strip() == "identical"


def test_an_interval_below_one_is_refused(misen, installed, tmp_path):
    refused = misen("generate", "--cache-interval", 0, "-o", tmp_path / "a.png")
    assert refused.code == 2
    assert "cache_interval must be a whole number from 1" in refused.err


def test_the_choice_is_explained(misen, installed, monkeypatch):
    monkeypatch.setattr(acceleration, "choose", lambda *_: Choice(Execution("bfloat16"), "it is fast"))
    told = misen("explain", "--text", "a man", "--accelerate", "--json").json
    assert told["execution"] == {"precision": "bfloat16", "engine": "eager", "threads": 1}
    assert told["forecast"]["way"] == "in bfloat16, eager, 1 thread: it is fast"
