"""``misen models``: what ships, and how good it is."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from misen.cli.options import Json

if TYPE_CHECKING:
    from misen.app import Card


def models(*, json: Json = False) -> None:
    """List the models that ship, with what their cards say they measured."""
    from misen.app import catalog
    from misen.cli.printing import print_json

    cards = catalog()
    if json:
        print_json({"models": [_document(card) for card in cards]})
        return
    width = shutil.get_terminal_size((100, 0)).columns
    for card in cards:
        print(card.name)
        for label, text in _lines(card):
            print(textwrap.fill(text, width, initial_indent=f"  {label:10}", subsequent_indent=" " * 12))


def _document(card: Card) -> dict[str, Any]:
    return {**card.facts, "name": card.name, "family": card.family, "bytes": card.bytes, "native": card.native}


def _lines(card: Card) -> Iterator[tuple[str, str]]:
    """What is known of a model, under a word each; nothing where its card says nothing."""
    facts = card.facts
    parameters = f"{facts['parameters']:,} parameters" if "parameters" in facts else ""
    kind = (card.family, parameters, f"{card.bytes / 1e6:.1f} MB", str(facts.get("licence", "")))
    found = {
        "is": ", ".join(part for part in kind if part),
        "follows": ", ".join(f"{name} (native)" for name in card.native),
        "trained": _training(facts.get("training", {})),
        "measured": ", ".join(_figures(facts.get("figures", {}))),
    }
    return ((label, text) for label, text in found.items() if text)


def _training(training: Mapping[str, Any]) -> str:
    """How much a model saw, and for how long."""
    samples, minutes = training.get("samples"), training.get("minutes")
    return f"on {samples:,} renders, in {minutes:.0f} minutes" if samples and minutes else ""


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    """Each figure with its value; parts of another, as "attributes.hat" of "attributes", stay on the card."""
    for name, figure in figures.items():
        value = figure.get("value") if isinstance(figure, Mapping) else figure
        whole = name.partition(".")[0]
        if (whole == name or whole not in figures) and isinstance(value, int | float):
            yield f"{name} {value:.3g}"
