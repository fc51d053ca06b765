"""Recipes in miniature: a small world in a cache, small networks, and an installation of their own to ship to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from misen.codecs.autoencoder import KLAutoencoder
from misen.codecs.shipped import architecture
from misen.codecs.tiny import TinyDecoder
from misen.core.errors import Cancelled
from misen.data.cache import build
from misen.nn import weights
from misen.recipes import train_autoencoder, train_tiny_decoder
from misen.scene.splits import TRAIN_A
from misen.training import Callback, Outcome, Trainer, TrainingConfig
from misen.training.config import parse_config
from tiny import forget, install, tiny_weights

__all__ = ["tiny_weights"]

MEASURED = 4


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of eight records."""
    folder = tmp_path_factory.mktemp("cache") / "world"
    list(build(folder, TRAIN_A.name, TRAIN_A.seeds(0, 8), workers=1))
    return folder


@pytest.fixture
def config(request: pytest.FixtureRequest, world: Path) -> Callable[..., TrainingConfig]:
    """``config("lr=1")``: the ``CONFIG`` of the test's module on that cache, with changes."""
    return lambda *changes: parse_config(request.module.CONFIG, overrides=[f'data.cache="{world}"', *changes])


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of all models, empty; recipes ship to it, and measure on few pictures."""
    install(tmp_path / "weights", monkeypatch.setattr)
    for recipe, name in (
        (train_autoencoder, "CALIBRATION"),
        (train_autoencoder, "WATCHED"),
        (train_autoencoder, "MEASURED"),
        (train_tiny_decoder, "MEASURED"),
    ):
        monkeypatch.setattr(recipe, name, MEASURED)
    yield tmp_path / "weights"
    forget()


@pytest.fixture
def codecs(models: Path) -> Path:
    """The same folder, with an untrained autoencoder and tiny decoder that fit each other."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        parts = {"autoencoder": KLAutoencoder(4, (3, 8, 8), (1, 1), (1, 1)), "tiny": TinyDecoder(4, (3, 4, 4), (0, 1))}
    for name, module in parts.items():
        weights.save(module, models / name, {"name": name, "architecture": dict(architecture(module))})
    return models


class Stop(Callback):
    """Saves after two steps, and goes no further."""

    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == 2:
            trainer.save()
            raise Cancelled("stopped")


@pytest.fixture
def in_two_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """``in_two_parts(recipe, config, folder)``: a run that is stopped after two steps, and resumed.

    ``trained_by`` is the module with the trainer, where that is not the recipe.
    """

    def run(
        recipe: ModuleType, config: TrainingConfig, folder: Path, trained_by: ModuleType | None = None
    ) -> Outcome:
        with monkeypatch.context() as patch:
            patch.setattr(trained_by or recipe, "Console", Stop)
            with pytest.raises(Cancelled):
                recipe.train(config, folder)
        torch.manual_seed(999)
        return recipe.train(config, folder, resume=True)

    return run
