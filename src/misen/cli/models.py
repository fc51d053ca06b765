"""``misen models``: what ships, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from misen.cli.options import Json

if TYPE_CHECKING:
    from misen.app import Card

COLUMNS = ("model", "family", "MB", "parameters", "licence", "measured")


def models(*, json: Json = False) -> None:
    """List the models that ship, with what their cards say they measured."""
    from misen.app import catalog
    from misen.cli.printing import print_json, print_table

    cards = catalog()
    if json:
        print_json({"models": [_document(card) for card in cards]})
    else:
        print_table(COLUMNS, [_row(card) for card in cards])


def _document(card: Card) -> dict[str, Any]:
    return {**card.facts, "name": card.name, "family": card.family, "bytes": card.bytes}


def _row(card: Card) -> list[str]:
    parameters = card.facts.get("parameters")
    return [
        card.name,
        card.family,
        f"{card.bytes / 1e6:.1f}",
        f"{parameters:,}" if isinstance(parameters, int) else "",
        str(card.facts.get("licence", "")),
        _figures(card.facts.get("figures", {})),
    ]


def _figures(figures: Mapping[str, Any]) -> str:
    """Each figure with its value, as ``name 0.93``, but for those of single parts, which have a dot in their name."""
    whole = {name: figure for name, figure in figures.items() if "." not in name}
    values = {name: figure.get("value") if isinstance(figure, Mapping) else figure for name, figure in whole.items()}
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items() if isinstance(value, int | float))
