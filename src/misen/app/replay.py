"""Make a picture again from the recipe inside it, and say whether it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from misen.app.recipe import Recipe
from misen.app.repetition import run
from misen.media.picture import open_picture

TOLERANCE = 2
"""Largest difference, in levels of 255, that another device or batch size may make."""


@dataclass(frozen=True)
class Verdict:
    """How a replayed picture compares.

    Attributes:
        status: "identical", "within tolerance" or "differs".
        field: the field of the recipe that is not as it was, or "pixels"; "" when identical.
        difference: largest difference of a pixel's channel, in levels of 255.
    """

    status: Literal["identical", "within tolerance", "differs"]
    field: str
    difference: int


def replay(path: str | Path) -> Verdict:
    """Make the picture at ``path`` again and compare.

    Raises:
        InputError: the picture holds no recipe.
        NotFoundError: the model is not here.
    """
    recipe = Recipe.read(path)
    [again] = run(recipe.with_any_weights()).images
    return compare(np.asarray(open_picture(path).convert("RGB")), np.asarray(again.pil), recipe, again.recipe)


def compare(first: np.ndarray, second: np.ndarray, recipe: Recipe, again: Recipe) -> Verdict:
    """The verdict on two pictures (H, W, 3) uint8 and the recipes that made them."""
    field = changed(recipe, again)
    if first.shape != second.shape:
        return Verdict("differs", field, 255)
    difference = int(np.abs(first.astype(int) - second.astype(int)).max())
    if difference == 0:
        return Verdict("identical", "", 0)
    return Verdict("within tolerance" if difference <= TOLERANCE else "differs", field, difference)


def changed(recipe: Recipe, again: Recipe) -> str:
    """The first field in which two recipes differ, the likeliest cause of other pixels first; else "pixels"."""
    first, second = (_flat(one.model_dump(mode="json")) for one in (recipe, again))
    differing = [field for field in {**first, **second} if first.get(field) != second.get(field)]
    return min(differing, key=_likelihood, default="pixels")


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """Fields of the document and, by dotted name, of the tables directly in it."""
    tables = {key: value if isinstance(value, dict) else {"": value} for key, value in document.items()}
    return {f"{key}.{name}".rstrip("."): value for key, table in tables.items() for name, value in table.items()}


def _likelihood(field: str) -> int:
    causes = ("model", "adapters", "upscaler", "files", "versions", "device")
    return next((rank for rank, cause in enumerate(causes) if field.startswith(cause)), len(causes))
