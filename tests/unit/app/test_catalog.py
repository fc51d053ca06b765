"""What is told of the models that ship, from their folders alone."""

from __future__ import annotations

import json

import pytest

from misen import assembly
from misen.app import catalog


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """The cards of an installation with a model whose configuration names no ports, and a network."""
    for name, card in {"avatars/places": 'family = "diffusion"', "observer-z": "n = 3"}.items():
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "card.toml").write_text(card)
        (tmp_path / name / "model.safetensors").write_bytes(name.encode())
    ports = [{"name": name, "layout": "tokens", "width": 8} for name in ("text", "place", "sketch", "places")]
    (tmp_path / "avatars" / "places" / "ports").mkdir()
    (tmp_path / "avatars" / "places" / "ports" / "config.json").write_text(json.dumps({"ports": ports}))
    monkeypatch.setattr(assembly, "WEIGHTS", tmp_path)
    return {card.name: card for card in catalog()}


def test_generators_come_first_and_say_what_they_follow(listed):
    assert list(listed) == ["avatars/places", "observer-z"]
    assert listed["avatars/places"].native == ("text", "sketch")
    assert listed["observer-z"].native == ()


def test_what_ships_follows_what_it_was_trained_to():
    [card] = [card for card in catalog() if card.name == assembly.USUAL_MODEL]
    assert set(card.native) == set(card.facts["training"]["config"]["model"]["ports"])
