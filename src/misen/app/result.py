"""What came out: pictures that know how they were made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from misen.app.destinations import check_folder, check_free
from misen.app.parameters import parameters
from misen.app.recipe import Recipe
from misen.core.errors import InputError
from misen.core.image import to_bytes
from misen.core.registry import stills
from misen.core.signal import Signal
from misen.editing.report import EditReport, report_edit
from misen.media import png
from misen.metrics.grader import Grader, shipped_grader
from misen.synthesis import Plan, Step

if TYPE_CHECKING:
    from misen.app.model import Model


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        tensor: (3, H, W) float32 in [-1, 1].
        recipe: how to make this one again.
    """

    tensor: Tensor
    recipe: Recipe

    @property
    def seed(self) -> int:
        """The seed it was made from."""
        return self.recipe.seeds[0]

    @property
    def pil(self) -> Image.Image:
        """The picture for Pillow, RGB."""
        return Image.fromarray(to_bytes(self.tensor[None])[0].cpu().numpy())

    @property
    def parameters(self) -> str:
        """The settings in the grammar other tools read."""
        return parameters(self.recipe)

    def wishes(self) -> list[Signal]:
        """The signals that were to come true in it, of one item each; not those pushed away, moving or raw ones."""
        judged = [entry for entry in self.recipe.guidances if entry.modality in stills()]
        return [entry.signal() for entry in judged if entry.strength > 0]

    def encode(self) -> bytes:
        """A PNG that holds the recipe."""
        return png.encode(to_bytes(self.tensor[None])[0].cpu().numpy(), self._texts())

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write a PNG that holds the recipe, atomically; raises ``StorageError``."""
        path = Path(path)
        check_folder(path.parent)
        check_free(path, overwrite=overwrite)
        pixels = to_bytes(self.tensor[None])[0].cpu().numpy()
        png.save(path, pixels, parameters=self.parameters, recipe=self.recipe.canonical())
        return path

    def _texts(self) -> dict[str, str]:
        return {png.PARAMETERS: self.parameters, png.RECIPE: self.recipe.canonical()}


@dataclass(frozen=True)
class Result:
    """Pictures of one order.

    Attributes:
        images: the pictures, in the order of the seeds.
        plan: by which route each guidance acted.
        recipe: how to make all of them again.
        traces: the figures of each step, one walk per forward batch.
        seconds: wall time of sampling.
        change: for edits, mean absolute change in levels of 255 where it was allowed and elsewhere.
    """

    images: tuple[Picture, ...]
    plan: Plan
    recipe: Recipe
    traces: tuple[tuple[Step, ...], ...]
    seconds: float
    change: dict[str, float]

    def report(self) -> dict[str, Any]:
        """The figures as JSON: seeds, seconds, cost, first and last disagreements, what an edit changed."""
        walks = [walk for walk in self.traces if walk]
        return {
            "seeds": [picture.seed for picture in self.images],
            "seconds": round(self.seconds, 3),
            "plan": self.plan.to_json(),
            "disagreement": [{"first": dict(walk[0].energies), "last": dict(walk[-1].energies)} for walk in walks],
            "retried": sum(step.retried for walk in walks for step in walk),
            "change": self.change,
        }

    def edit_reports(self, model: Model, grader: Grader | None = None) -> tuple[EditReport, ...]:
        """What an edit did to each picture, by the judge; computed anew at each call, within a second or two.

        Args:
            model: that made the pictures; it also repeats the picture that was edited, as the control.
            grader: the judge's networks; those that ship if left out.

        Raises:
            InputError: these pictures were not made from another one.
        """
        if self.recipe.canvas is None:
            hint = "give the picture as image, or call Model.edit"
            raise InputError("these pictures are no edits", field="image", hint=hint)
        height, width = self.images[0].tensor.shape[-2:]
        side, canvas = grader or shipped_grader(), self.recipe.canvas.canvas(height, width)
        control = model.edit(canvas.image, strength=0.0, seed=0, height=height, width=width).images[0].tensor[None]
        return tuple(
            report_edit(side, canvas.image, picture.tensor[None], control, picture.wishes(), canvas.mask)
            for picture in self.images
        )
