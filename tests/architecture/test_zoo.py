"""Every line of the zoo is a command that would run: nothing is missing but the data that the lines above it make."""

from __future__ import annotations

import shlex
from importlib import import_module
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules

import pytest

from misen import recipes
from misen.app.training import PREFIXES
from misen.cli.entry import run
from misen.core.errors import NotFoundError
from misen.recipes import build_cache
from misen.training import load_config

CONFIGS = Path(__file__).parents[2] / "configs"
LISTED = (CONFIGS / "zoo.txt").read_text("utf-8").splitlines()
LINES = [shlex.split(line) for line in LISTED if line and not line.startswith("#")]
CACHES = [line[1:] for line in LINES if line[0] == build_cache.__name__]
TRAININGS = [position for position, line in enumerate(LINES) if line[0] == "misen"]
OTHERS = [line for line in LINES if line[0] not in ("misen", build_cache.__name__)]


@pytest.mark.parametrize("arguments", CACHES, ids=" ".join)
def test_a_cache_can_be_asked_for_like_this(arguments, monkeypatch):
    asked = []
    monkeypatch.setattr(build_cache, "build_cache", lambda *given, **options: asked.append((given, options)))
    build_cache.main(arguments)
    ((folder, _, count), _), *more = asked
    assert (str(folder), count > 0, more) == (arguments[0], True, [])


@pytest.mark.parametrize("position", TRAININGS, ids=lambda position: " ".join(LINES[position]))
def test_a_training_lacks_nothing_but_a_cache_built_above_it(position, root, tmp_path, monkeypatch, capsys):
    """The recipe is found, and accepts its tables, before it looks for the world."""
    _, command, config, *options = LINES[position]
    monkeypatch.chdir(tmp_path)
    assert run([command, str(root / config), *options]) == NotFoundError.exit_code
    complaint = capsys.readouterr().err
    built = [line[1] for line in LINES[:position] if line[0] == build_cache.__name__]
    assert any(f"there is no world cache at {folder}. " in complaint for folder in built), complaint


@pytest.mark.parametrize("line", OTHERS, ids=" ".join)
def test_another_program_takes_these_arguments(line):
    name, *arguments = line
    signature(import_module(name).main).bind(*arguments)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*/*.toml")), ids=lambda path: path.stem)
def test_a_configuration_names_a_recipe(path):
    config = load_config(path)
    modules = [import_module(f"{recipes.__name__}.{name}") for name in names_of(config.recipe)]
    assert [hasattr(module, "train") for module in modules] == [True]


def names_of(recipe):
    """The modules that a recipe may mean."""
    names = [entry.name for entry in iter_modules(recipes.__path__)]
    return [name for name in names if name in {f"{prefix}{recipe}" for prefix in PREFIXES}]
