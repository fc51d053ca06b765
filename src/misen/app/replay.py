"""Make a picture or a film again from the recipe inside it, and say whether it is the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import numpy as np

from misen.app.recipe import Recipe
from misen.app.repetition import run, run_film
from misen.media import video
from misen.media.picture import open_picture, read

TOLERANCE = 2
"""Largest difference, in levels of 255, that another device or batch size may make."""


@dataclass(frozen=True)
class Verdict:
    """How a replayed picture or film compares.

    Attributes:
        status: "identical", "within tolerance" or "differs".
        field: the field of the recipe that is not as it was, or "pixels"; "" when identical.
        difference: largest difference of a pixel's channel, in levels of 255.
    """

    status: Literal["identical", "within tolerance", "differs"]
    field: str
    difference: int


def replay(path: str | Path) -> Verdict:
    """Make the picture or the film at ``path`` again and compare; frames as they are shown.

    Raises:
        InputError: the file holds no recipe.
        NotFoundError: the model is not here.
    """
    recipe = Recipe.read(path)
    if recipe.film is not None:
        film = run_film(recipe.with_any_weights())
        return judged(_largest(video.frames(read(path)), video.frames(film.content)), recipe, film.recipe)
    [again] = run(recipe.with_any_weights()).images
    return compare(np.asarray(open_picture(path).convert("RGB")), np.asarray(again.pil), recipe, again.recipe)


def compare(first: np.ndarray, second: np.ndarray, recipe: Recipe, again: Recipe) -> Verdict:
    """The verdict on two pictures (H, W, 3) uint8 and the recipes that made them."""
    return judged(_largest([first], [second]), recipe, again)


def judged(difference: int, recipe: Recipe, again: Recipe) -> Verdict:
    """The verdict on the largest difference, in levels, between what two recipes made."""
    if difference == 0:
        return Verdict("identical", "", 0)
    return Verdict("within tolerance" if difference <= TOLERANCE else "differs", changed(recipe, again), difference)


def _largest(first: Iterable[np.ndarray], second: Iterable[np.ndarray]) -> int:
    """The largest difference between pictures (H, W, 3) uint8; 255 where there is none, or one of another size."""
    pairs = zip_longest(first, second, fillvalue=np.zeros(0, np.uint8))
    return max(_difference(one, other) for one, other in pairs)


def _difference(first: np.ndarray, second: np.ndarray) -> int:
    if first.shape != second.shape:
        return 255
    return int(np.abs(first.astype(int) - second.astype(int)).max())


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
