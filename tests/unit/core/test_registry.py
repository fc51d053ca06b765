"""Who asks for what a single picture can show is not given what moves in time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from misen.core import registry
from misen.core.registry import Modality, modalities, moving, stills


@pytest.fixture
def gesture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Modality]:
    """A modality more, which moves."""
    added = Modality("gesture", "misen.modalities.gesture", "Gesture", "FILE", "A gesture.", moving=True)
    known = {**modalities(), added.name: added}
    monkeypatch.setattr(registry, "modalities", lambda: known)
    _forget()
    yield added
    _forget()


def _forget() -> None:
    stills.cache_clear()
    moving.cache_clear()


def test_what_moves_is_no_still(gesture: Modality) -> None:
    assert gesture.name in registry.modalities()
    assert gesture.name not in stills()
    assert {*moving(), *stills()} == {*registry.modalities()}
    assert moving()[gesture.name] is gesture
    assert set(stills()) == {name for name, modality in modalities().items() if not modality.moving}
