"""Trains a named configuration with the program its ``recipe`` names."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from misen import recipes
from misen.core.errors import ConfigError, closest
from misen.training import Outcome, load_config

PREFIXES = ("train_", "tune_")
"""Of the modules that are recipes: those that make a model, and those that teach one a little more."""
RUNS = Path("runs")
"""Where runs keep their checkpoints and logs unless told otherwise."""


def train(
    config: str | Path,
    *,
    overrides: Sequence[str] = (),
    resume: bool = False,
    allow: Sequence[str] = (),
    folder: Path | None = None,
) -> Outcome:
    """Run a configuration to its end, and ship what it trains.

    Args:
        config: a TOML file.
        overrides: ``key=value`` or ``table.key=value``, with TOML values.
        resume: go on from the last checkpoint of the folder, if there is one.
        allow: keys in which the checkpoint's configuration may differ.
        folder: of checkpoints and logs, ``runs/<name>`` if left out.

    Raises:
        ConfigError: the configuration, or the recipe it names, is not one.
        NotFoundError: there is no such file.
        TrainingError: the run cannot go on.
    """
    settings = load_config(config, overrides)
    program = _program(settings.recipe, str(config))
    outcome: Outcome = program.train(settings, folder or RUNS / settings.name, resume=resume, allow=allow)
    return outcome


def _program(recipe: str, config: str) -> Any:
    """The module of a recipe, which offers ``train``."""
    known = _recipes()
    program = import_module(f"{recipes.__name__}.{known[recipe]}") if recipe in known else None
    if not hasattr(program, "train"):
        raise ConfigError(f"{config}: there is no recipe {recipe!r}", field="recipe", hint=closest(recipe, known))
    return program


def _recipes() -> dict[str, str]:
    """The module of every recipe, by the recipe's name."""
    names = [entry.name for entry in pkgutil.iter_modules(recipes.__path__)]
    return {name.removeprefix(prefix): name for name in names for prefix in PREFIXES if name.startswith(prefix)}
