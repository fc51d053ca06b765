"""What ships: the cards of the models in the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misen import assembly
from misen.nn.description import read_card


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
        """The modalities a generator was trained to follow, as its training configuration says."""
        table = self.facts
        for key in ("training", "config", "model", "ports"):
            table = table.get(key, {})
        return tuple(table)


def catalog() -> list[Card]:
    """The cards of every model that ships, generators first."""
    cards = [_card(folder) for folder in assembly.model_folders()]
    return sorted(cards, key=lambda card: (not card.family, card.name))


def _card(folder: Path) -> Card:
    facts = read_card(folder)
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    return Card(assembly.model_name(folder), str(facts.get("family", "")), folder, size, facts)
