from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from misen.core.errors import NotFoundError
from misen.nn import weights
from misen.perception import coach, judge
from misen.perception.observer import observer_a, observer_b
from misen.perception.senses import Senses

SIDES = [(coach, observer_a, "observer-a"), (judge, observer_b, "observer-b")]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of shipped models, and loaders that have loaded nothing."""
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    for side in (coach, judge):
        side.observer.cache_clear()
    yield tmp_path
    for side in (coach, judge):
        side.observer.cache_clear()


@pytest.mark.parametrize(("side", "make", "name"), SIDES)
def test_the_shipped_observer_is_loaded_once_and_frozen(shelf: Path, side: ModuleType, make, name: str):
    saved = make()
    weights.save(saved, shelf / name, {})
    observer = side.observer()
    assert side.observer() is observer
    assert not observer.training
    assert not any(parameter.requires_grad for parameter in observer.parameters())
    torch.testing.assert_close(observer.heads.weight, saved.heads.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("side", "make", "name"), SIDES)
def test_absent_weights_say_how_to_get_them(shelf: Path, side: ModuleType, make, name: str):
    with pytest.raises(NotFoundError, match=rf"{name}.*make zoo"):
        side.observer()


def test_both_sides_are_senses():
    assert isinstance(coach, Senses)
    assert isinstance(judge, Senses)
    assert not set(coach.NAMES) & set(judge.NAMES)
