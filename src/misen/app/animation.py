"""What came out of an order for a film: a film that knows how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from misen.app.destinations import check_folder, check_free
from misen.app.parameters import parameters
from misen.app.recipe import Recipe
from misen.core.errors import InputError
from misen.core.files import replace_file
from misen.media import png, video
from misen.media.video import Frames
from misen.synthesis import Plan

SUFFIX = ".mp4"


@dataclass(frozen=True)
class Animation:
    """A film.

    Attributes:
        content: an MP4 file, which holds the recipe.
        plan: by which route each guidance acted.
        recipe: how to make it again.
        frames: how many there are.
        seconds: wall time of making them.
    """

    content: bytes = field(repr=False)
    plan: Plan
    recipe: Recipe
    frames: int
    seconds: float

    @property
    def seed(self) -> int:
        """The seed that all frames were made from."""
        return self.recipe.seeds[0]

    def pictures(self) -> Frames:
        """(F, H, W, 3) uint8, as players show them: a film does not keep every bit."""
        return video.read_film(self.content).frames

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the MP4 file, atomically; raises ``StorageError``, and ``InputError`` for another suffix."""
        path = film_destination(path, overwrite=overwrite)
        replace_file(path, self.content)
        return path

    def report(self) -> dict[str, Any]:
        """The figures as JSON."""
        assert self.recipe.film is not None, "it is the recipe of a film"
        return {
            "seed": self.seed,
            "frames": self.frames,
            "fps": self.recipe.film.fps,
            "width": self.recipe.width,
            "height": self.recipe.height,
            "seconds": round(self.seconds, 3),
            "plan": self.plan.to_json(),
        }


def written(recipe: Recipe) -> Mapping[str, str]:
    """What is written into a film, by key."""
    return {png.PARAMETERS: parameters(recipe), png.RECIPE: recipe.canonical()}


def film_destination(out: str | Path, *, overwrite: bool = False) -> Path:
    """``out`` if a film can be written there.

    Raises:
        InputError: another suffix than .mp4.
        StorageError: the folder is missing or cannot be written to, or the file exists and may not be replaced.
    """
    path = Path(out)
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"films are written as MP4, got {path.name!r}", field="out", hint=f"end the name in {SUFFIX}")
    check_folder(path.parent)
    check_free(path, overwrite=overwrite)
    return path
