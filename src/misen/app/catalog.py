"""What ships: the cards of the models in the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misen import assembly
from misen.core.registry import modalities
from misen.nn.description import read_card, read_json

PORTS = "ports/config.json"
"""Where the folder of a generator lists its ports."""


@dataclass(frozen=True)
class Card:
    """One model.

    Attributes:
        name: what ``load`` takes for a generator.
        family: kind of generator, or "" for the networks that encode, steer and judge.
        folder: where it lies.
        bytes: size of its weights.
        facts: everything its card.toml says: training data, measured figures, cost, licence.
    """

    name: str
    family: str
    folder: Path
    bytes: int
    facts: Mapping[str, Any]

    @property
    def native(self) -> tuple[str, ...]:
        """The modalities that a generator has ports for; ports for anything else are its own business."""
        listed = self.folder / PORTS
        ports = read_json(listed)["ports"] if listed.is_file() else []
        return tuple(port["name"] for port in ports if port["name"] in modalities())


def catalog() -> list[Card]:
    """The cards of every model that ships, generators first."""
    cards = [_card(folder) for folder in assembly.model_folders()]
    return sorted(cards, key=lambda card: (not card.family, card.name))


def _card(folder: Path) -> Card:
    facts = read_card(folder)
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    return Card(assembly.model_name(folder), str(facts.get("family", "")), folder, size, facts)
