"""Running means of what the players say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping


class Means:
    """Means of figures since they were last taken, by ``<player>.<figure>``."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, player: str, figures: Mapping[str, float]) -> None:
        """Take in one step's figures of one player."""
        for name, value in figures.items():
            self._values[f"{player}.{name}"].append(float(value))

    def take(self) -> dict[str, float]:
        """The means; begins anew."""
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        self._values.clear()
        return means
